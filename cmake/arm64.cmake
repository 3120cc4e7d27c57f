set(arch arm64)
set(triple aarch64-linux-gnu)
set(processor aarch64)
include(${CMAKE_CURRENT_LIST_DIR}/cross.cmake)

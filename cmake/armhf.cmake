set(arch armhf)
set(triple arm-linux-gnueabihf)
set(processor armv7l)
include(${CMAKE_CURRENT_LIST_DIR}/cross.cmake)

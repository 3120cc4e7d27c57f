# Cross build for another Debian, included with arch, triple and processor set: the compiler of gcc-TRIPLE, headers and
# libraries of the sysroot that cmake/cross-packages unpacks (`./dev cross` does both).
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR ${processor})
set(CMAKE_C_COMPILER ${triple}-gcc)
set(CMAKE_LIBRARY_ARCHITECTURE ${triple})
get_filename_component(CMAKE_SYSROOT ${CMAKE_CURRENT_LIST_DIR}/../build/sysroot-${arch} ABSOLUTE)
# Debian's cross compiler brings a C library of its own, which it would prefer
set(CMAKE_C_FLAGS_INIT "-B${CMAKE_SYSROOT}/usr/lib/${triple} -isystem ${CMAKE_SYSROOT}/usr/include/${triple} -isystem ${CMAKE_SYSROOT}/usr/include")
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)

# pkg-config sees the sysroot and nothing of this machine
set(ENV{PKG_CONFIG_SYSROOT_DIR} ${CMAKE_SYSROOT})
set(ENV{PKG_CONFIG_LIBDIR} ${CMAKE_SYSROOT}/usr/lib/${triple}/pkgconfig:${CMAKE_SYSROOT}/usr/share/pkgconfig)
set(ENV{PKG_CONFIG_PATH} "")

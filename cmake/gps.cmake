# Of libgps only the reading of gpsd's JSON is used. The shared library brings libdbus, libsystemd, libgcrypt and libstdc++ with
# it into a daemon that starts as root: 2 MB of memory, and code that is never called. Where there is a static one, and it links
# with nothing but the C library and a stand-in for its part for D-Bus, that is taken. gps_link(TARGET) links TARGET with it.
find_library(GPS_ARCHIVE libgps.a HINTS ${GPS_LIBRARY_DIRS})
if(GPS_ARCHIVE AND NOT DEFINED GPS_ARCHIVE_LINKS)
  try_compile(GPS_ARCHIVE_LINKS ${PROJECT_BINARY_DIR}/gps_static
              SOURCES ${PROJECT_SOURCE_DIR}/cmake/gps.c ${PROJECT_SOURCE_DIR}/drivers/gpsd/gpsd_no_dbus.c
              CMAKE_FLAGS "-DINCLUDE_DIRECTORIES=${GPS_INCLUDE_DIRS}"
              LINK_LIBRARIES ${GPS_ARCHIVE} m)
endif()

function(gps_link target)
  if(NOT GPS_ARCHIVE_LINKS)
    target_link_libraries(${target} PRIVATE PkgConfig::GPS)
    return()
  endif()
  target_sources(${target} PRIVATE ${PROJECT_SOURCE_DIR}/drivers/gpsd/gpsd_no_dbus.c)
  target_include_directories(${target} PRIVATE ${GPS_INCLUDE_DIRS})
  target_link_libraries(${target} PRIVATE ${GPS_ARCHIVE} m)
  # so that the linker has the stand-in before it comes to the archive
  target_link_options(${target} INTERFACE -Wl,-u,gps_dbus_open)
endfunction()

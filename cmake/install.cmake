# what `cmake --install` puts where
install(TARGETS timeballd DESTINATION ${CMAKE_INSTALL_SBINDIR})
install(TARGETS timeballctl timeball-sim DESTINATION ${CMAKE_INSTALL_BINDIR})
foreach(section 1 5 8)
  file(GLOB pages ${PROJECT_SOURCE_DIR}/docs/*.${section})
  install(FILES ${pages} DESTINATION ${CMAKE_INSTALL_MANDIR}/man${section})
endforeach()
install(FILES README.md CHANGELOG.md DESTINATION ${CMAKE_INSTALL_DOCDIR} OPTIONAL)

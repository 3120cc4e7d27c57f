# Makes a C file that holds the files of the web page: cmake -D OUT=FILE.c -D FROM=FOLDER -P embed.cmake
# What they become is declared in server/web/files.h.
set(text "/* made by cmake/embed.cmake */\n#include \"server/web/files.h\"\n\n")
set(table "const struct web_file web_files[] = {\n")

function(embed path type name)
  file(READ ${FROM}/${name} octets HEX)
  string(REGEX REPLACE "(..)" "0x\\1," octets "${octets}")
  string(REGEX REPLACE "(................................................................................)" "\\1\n" octets "${octets}")
  string(MAKE_C_IDENTIFIER "${name}" word)
  string(APPEND text "static const unsigned char ${word}[] = {\n${octets}\n};\n\n")
  string(APPEND table "    {\"${path}\", \"${type}\", ${word}, sizeof ${word}},\n")
  set(text "${text}" PARENT_SCOPE)
  set(table "${table}" PARENT_SCOPE)
endfunction()

embed(/ "text/html; charset=utf-8" page.html)
embed(/style.css "text/css; charset=utf-8" style.css)
embed(/page.js "text/javascript; charset=utf-8" page.js)
file(WRITE ${OUT} "${text}${table}    {0},\n};\n")

# Writes OUTPUT, a C file that holds the bytes of INPUT as `const Source NAME`, which HEADER declares.
file(READ ${INPUT} bytes HEX)
get_filename_component(file ${INPUT} NAME)
string(LENGTH "${bytes}" digits)
math(EXPR size "${digits} / 2")
string(REGEX REPLACE "(................................)" "\\1\n" bytes "${bytes}")
string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${bytes}")
file(WRITE ${OUTPUT} "#include \"${HEADER}\"\n\nstatic const char text[] = {\n${bytes}0};\nconst Source ${NAME} = {\"${file}\", text, ${size}};\n")

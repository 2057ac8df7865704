# Writes OUTPUT, a C file that holds the bytes of INPUT as `const Source std_source`.
file(READ ${INPUT} bytes HEX)
string(LENGTH "${bytes}" digits)
math(EXPR size "${digits} / 2")
string(REGEX REPLACE "(................................)" "\\1\n" bytes "${bytes}")
string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${bytes}")
file(WRITE ${OUTPUT} "#include \"frontend/lower/std.h\"\n\nstatic const char text[] = {\n${bytes}0};\nconst Source std_source = {\"std.hn\", text, ${size}};\n")

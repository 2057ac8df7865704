// As score.c, in C++: c++ score.cc adult.o -o score
#include <array>
#include <cstdlib>
#include <iostream>
#include <sstream>
#include <string>
#include <vector>

#include "adult.h"

alignas(64) static unsigned char workspace[ADULT_WORKSPACE_BYTES], weights[ADULT_GENERATE_WEIGHTS_BYTES];

static std::vector<std::string> split(const std::string &line)
{
    std::vector<std::string> fields;
    std::istringstream stream(line);
    for (std::string field; std::getline(stream >> std::ws, field, ',');)
        fields.push_back(field.substr(0, field.find_last_not_of(" \r") + 1));
    return fields;
}

int main(int argc, char **argv)
{
    std::array<float, ADULT_GENERATE_R_SIZE> preference{};
    for (int i = 0; i < (int)preference.size() && i + 1 < argc; i++)
        preference[i] = std::strtof(argv[i + 1], nullptr);
    if (adult_generate(preference.data(), weights, workspace) != ADULT_OK) {
        std::cerr << "usage: score, and three numbers: how much each objective matters\n";
        return 2;
    }
    std::string line;
    std::getline(std::cin, line); // the names of the columns
    while (std::getline(std::cin, line)) {
        const std::vector<std::string> f = split(line);
        std::array<float, ADULT_SCORE_X_SIZE> row;
        float score;
        if (f.size() < 14)
            return 1;
        const adult_score_columns person = {std::stod(f[0]), std::stod(f[4]), std::stod(f[10]), std::stod(f[11]), std::stod(f[12]),
                                            f[1].c_str(),    f[3].c_str(),    f[5].c_str(),     f[6].c_str(),     f[7].c_str(),
                                            f[8].c_str(),    f[13].c_str()};
        if (adult_score_encode(&person, row.data()) != ADULT_OK ||
            adult_score_with(weights, row.data(), &score, workspace) != ADULT_OK)
            return 1;
        std::cout << score << '\n';
    }
}

// As score.c, in C++: c++ score.cc adult.o -o score
#include <array>
#include <cstdlib>
#include <iostream>

#include "adult.h"

alignas(64) static unsigned char workspace[ADULT_WORKSPACE_BYTES], weights[ADULT_GENERATE_WEIGHTS_BYTES];

int main(int argc, char **argv)
{
    std::array<float, ADULT_GENERATE_R_SIZE> preference{};
    std::array<float, ADULT_SCORE_X_SIZE> row{};
    for (int i = 0; i < (int)preference.size() && i + 1 < argc; i++)
        preference[i] = std::strtof(argv[i + 1], nullptr);
    if (adult_generate(preference.data(), weights, workspace) != ADULT_OK) {
        std::cerr << "usage: score, and three numbers: how much each objective matters\n";
        return 2;
    }
    char comma;
    while (std::cin >> row[0]) {
        for (size_t i = 1; i < row.size(); i++)
            std::cin >> comma >> row[i];
        float score;
        if (!std::cin || adult_score_with(weights, row.data(), &score, workspace) != ADULT_OK)
            return 1;
        std::cout << score << '\n';
    }
}

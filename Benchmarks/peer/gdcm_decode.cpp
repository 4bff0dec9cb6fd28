// GDCM as the benchmark's peer: decodes the files whose names come on standard input, one a line, and answers each with
// the milliseconds of every run (open, parse, decode to a buffer). A name after "dump OUTPUT " has its stored values
// written to OUTPUT instead. C++ because the Python binding hands a picture out as text, which costs more than decoding.
#include <gdcmImageReader.h>
#include <gdcmTrace.h>

#include <chrono>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <memory>
#include <string>

static bool decode(const std::string &name, std::unique_ptr<char[]> &pixels, size_t &size) {
    gdcm::ImageReader reader;
    reader.SetFileName(name.c_str());
    if (!reader.Read()) return false;
    const gdcm::Image &image = reader.GetImage();
    size = image.GetBufferLength();
    pixels.reset(new char[size]);
    return image.GetBuffer(pixels.get());
}

int main(int, char **arguments) {
    gdcm::Trace::DebugOff();
    gdcm::Trace::WarningOff();
    gdcm::Trace::ErrorOff();
    const int iterations = std::stoi(arguments[1]);
    std::string line;
    while (std::getline(std::cin, line)) {
        std::unique_ptr<char[]> pixels;
        size_t size = 0;
        if (line.rfind("dump ", 0) == 0) {
            const size_t space = line.find(' ', 5);
            const bool decoded = decode(line.substr(space + 1), pixels, size);
            if (decoded) std::ofstream(line.substr(5, space - 5), std::ios::binary).write(pixels.get(), size);
            std::cout << (decoded ? "done" : "failed") << std::endl;
            continue;
        }
        std::string answer;
        for (int iteration = 0; iteration <= iterations; iteration++) {
            const auto start = std::chrono::steady_clock::now();
            if (!decode(line, pixels, size)) {
                answer = "failed";
                break;
            }
            const std::chrono::duration<double, std::milli> elapsed = std::chrono::steady_clock::now() - start;
            if (iteration > 0) answer += std::to_string(elapsed.count()) + " ";
        }
        std::cout << answer << std::endl;
    }
}

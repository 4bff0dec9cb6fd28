// swift-tools-version: 6.1
import PackageDescription

// Coverage-guided fuzzing with libFuzzer, apart from the product because its programs have no `main` of their own.
// scripts/fuzz builds and runs it.

let package = Package(
    name: "longview-fuzz",
    dependencies: [.package(name: "longview", path: "..")],
    targets: [
        .executableTarget(
            name: "fuzz-decoder",
            dependencies: [.product(name: "Decoding", package: "longview")],
            // The driver is libFuzzer's.
            swiftSettings: [.unsafeFlags(["-parse-as-library"])]),
        .executableTarget(
            name: "fuzz-network",
            dependencies: [.product(name: "DICOM", package: "longview")],
            swiftSettings: [.unsafeFlags(["-parse-as-library"])]),
        .executableTarget(
            name: "fuzz-weights",
            dependencies: [.product(name: "Inference", package: "longview")],
            swiftSettings: [.unsafeFlags(["-parse-as-library"])]),
        .executableTarget(
            name: "fuzz-onnx",
            dependencies: [.product(name: "Inference", package: "longview")],
            swiftSettings: [.unsafeFlags(["-parse-as-library"])]),
    ],
    swiftLanguageModes: [.v6]
)

// swift-tools-version: 6.1
import PackageDescription

// Imports go one way: a target may import those above it in this list, never one below (docs/architecture.md).

/// Every Swift target: warnings stop the build.
let swift: [SwiftSetting] = [
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("ExistentialAny"),
    .unsafeFlags(["-warnings-as-errors"]),
]

/// DCMTK by name: Debian's dcmtk.pc asks for libraries that libdcmtk-dev does not bring.
let dcmtk = [
    "dcmtls", "dcmnet", "dcmjpls", "dcmtkcharls", "dcmjpeg", "ijg8", "ijg12", "ijg16", "dcmimage", "dcmimgle",
    "dcmdata", "oflog", "ofstd",
    "z", "ssl", "crypto",
]

let crypto: Target.Dependency = .product(name: "Crypto", package: "swift-crypto")
let logging: Target.Dependency = .product(name: "Logging", package: "swift-log")
let protobuf: Target.Dependency = .product(name: "SwiftProtobuf", package: "swift-protobuf")
let nio: Target.Dependency = .product(name: "NIOCore", package: "swift-nio")
let nioPosix: Target.Dependency = .product(name: "NIOPosix", package: "swift-nio")
let nioTLS: Target.Dependency = .product(name: "NIOTLS", package: "swift-nio")
let nioSSL: Target.Dependency = .product(name: "NIOSSL", package: "swift-nio-ssl")
let httpServer: Target.Dependency = .product(name: "Hummingbird", package: "hummingbird")
let httpClient: Target.Dependency = .product(name: "AsyncHTTPClient", package: "async-http-client")
let lifecycle: Target.Dependency = .product(name: "ServiceLifecycle", package: "swift-service-lifecycle")
let argumentParser: Target.Dependency = .product(name: "ArgumentParser", package: "swift-argument-parser")
let lifecycleTesting: Target.Dependency = .product(
    name: "ServiceLifecycleTestKit", package: "swift-service-lifecycle")

let package = Package(
    name: "longview",
    products: [
        .executable(name: "longview", targets: ["longview"]),
        .executable(name: "longview-decoder", targets: ["longview-decoder"]),
        // For Fuzz/.
        .library(name: "DICOM", targets: ["DICOM"]),
        .library(name: "Decoding", targets: ["Decoding"]),
        .library(name: "Inference", targets: ["Inference"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", exact: "1.8.2"),
        .package(url: "https://github.com/apple/swift-crypto", exact: "4.5.2"),
        .package(url: "https://github.com/apple/swift-log", exact: "1.16.2"),
        .package(url: "https://github.com/apple/swift-nio", exact: "2.101.2"),
        .package(url: "https://github.com/apple/swift-nio-ssl", exact: "2.37.6"),
        .package(url: "https://github.com/apple/swift-protobuf", exact: "1.39.0"),
        .package(url: "https://github.com/hummingbird-project/hummingbird", exact: "2.28.1", traits: []),
        .package(url: "https://github.com/swift-server/async-http-client", exact: "1.37.0"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", exact: "2.13.0"),
    ],
    targets: [
        // System libraries: a module map and a shim header, nothing else.
        .systemLibrary(name: "CMalloc"),
        .systemLibrary(name: "CLibpq", pkgConfig: "libpq", providers: [.apt(["libpq-dev"])]),
        .systemLibrary(name: "COpenJPEG", pkgConfig: "libopenjp2", providers: [.apt(["libopenjp2-7-dev"])]),

        // C and C++.
        .target(
            name: "CDCMTK",
            cxxSettings: [.unsafeFlags(["-Wall", "-Wextra", "-Werror"])],
            linkerSettings: dcmtk.map { .linkedLibrary($0) }),
        .target(
            name: "CImageFormats",
            cSettings: [.unsafeFlags(["-Wall", "-Wextra", "-Werror"])],
            linkerSettings: [.linkedLibrary("png"), .linkedLibrary("jpeg"), .linkedLibrary("deflate")]),
        .target(
            name: "CPixelCodecs",
            // -O3 in debug too: the corpus and its mutations are decoded thousands of times by the tests.
            cSettings: [.unsafeFlags(["-O3", "-Wall", "-Wextra", "-Werror"])],
            linkerSettings: [.linkedLibrary("deflate"), .linkedLibrary("jpeg")]),
        .target(
            name: "CRendering",
            cSettings: [.unsafeFlags(["-O3", "-ffp-contract=off", "-Wall", "-Wextra", "-Werror"])]),
        .target(
            name: "CKernels",
            // -O3 in debug too: unoptimised kernels would make the parity tests take hours. No contraction: the only
            // fused multiply-adds are the ones written as such, so every build computes the same bits.
            cSettings: [.unsafeFlags(["-O3", "-ffp-contract=off", "-Wall", "-Wextra", "-Werror"])],
            linkerSettings: [.linkedLibrary("m"), .linkedLibrary("pthread")]),

        .target(name: "CConfinement", cSettings: [.unsafeFlags(["-Wall", "-Wextra", "-Werror"])]),

        // Swift.
        .target(name: "DICOM", dependencies: ["CDCMTK", "COpenJPEG", "CPixelCodecs"], swiftSettings: swift),
        .target(name: "Imaging", dependencies: ["DICOM", "CImageFormats", "CRendering", crypto], swiftSettings: swift),
        .target(
            name: "Decoding", dependencies: ["DICOM", "Imaging", "CConfinement", crypto], swiftSettings: swift),
        .target(
            name: "Inference", dependencies: ["CKernels", crypto, protobuf], exclude: ["ONNX/onnx.proto"],
            swiftSettings: swift),
        .target(name: "Ledger", dependencies: [crypto], swiftSettings: swift),
        .target(name: "Postgres", dependencies: ["CLibpq", crypto, logging], swiftSettings: swift),
        .target(
            name: "Store", dependencies: ["Ledger", "Postgres", logging],
            resources: [.embedInCode("Migrations")], swiftSettings: swift),
        .target(
            name: "Scoring", dependencies: ["Imaging", "Decoding", "Inference", "Postgres", "Store", crypto],
            swiftSettings: swift),
        .target(
            name: "Service",
            dependencies: [
                "DICOM", "Imaging", "Decoding", "Inference", "Ledger", "Postgres", "Store", "Scoring", crypto,
                httpClient,
                httpServer, lifecycle, logging, nio, nioPosix, nioSSL, nioTLS,
            ],
            swiftSettings: swift),
        .executableTarget(name: "longview-decoder", dependencies: ["Decoding"], swiftSettings: swift),
        .executableTarget(
            name: "longview",
            dependencies: [
                "CMalloc", "DICOM", "Imaging", "Decoding", "Inference", "Ledger", "Postgres", "Store", "Scoring",
                "Service",
                argumentParser, crypto, lifecycle, logging,
            ],
            swiftSettings: swift),

        // Tests mirror the targets.
        .target(
            name: "TestSupport", dependencies: ["DICOM", "Postgres", logging], path: "Tests/TestSupport",
            swiftSettings: swift),
        .testTarget(name: "DICOMTests", dependencies: ["TestSupport", "DICOM", crypto], swiftSettings: swift),
        .testTarget(
            name: "ImagingTests", dependencies: ["TestSupport", "Imaging", "DICOM", crypto], exclude: ["Fixtures"],
            swiftSettings: swift),
        .testTarget(
            name: "InferenceTests", dependencies: ["TestSupport", "Inference", crypto, protobuf], exclude: ["Fixtures"],
            swiftSettings: swift),
        .testTarget(
            name: "DecodingTests", dependencies: ["TestSupport", "Decoding", "DICOM", "Imaging", "longview-decoder"],
            swiftSettings: swift),
        .testTarget(
            name: "LedgerTests", dependencies: ["TestSupport", "Ledger", crypto], exclude: ["Fixtures"],
            swiftSettings: swift),
        .testTarget(name: "PostgresTests", dependencies: ["TestSupport", "Postgres", logging], swiftSettings: swift),
        .testTarget(
            name: "StoreTests", dependencies: ["TestSupport", "Store", "Ledger", "Postgres", crypto, logging],
            swiftSettings: swift),
        .testTarget(
            name: "ScoringTests", dependencies: ["TestSupport", "Scoring", "Imaging", "Inference", "DICOM"],
            swiftSettings: swift),
        .testTarget(
            name: "ServiceTests",
            dependencies: [
                "TestSupport", "Service", "Scoring", "Store", "Postgres", "Ledger", "Inference", "Imaging", "DICOM",
                "longview", "longview-decoder", crypto, httpClient, lifecycle, lifecycleTesting, logging, nio,
            ],
            swiftSettings: swift),
        .testTarget(
            name: "IntegrationTests",
            dependencies: ["TestSupport", "longview", "DICOM", "Inference", "Store", "Postgres"],
            swiftSettings: swift),
    ],
    swiftLanguageModes: [.v6],
    cLanguageStandard: .gnu17,
    cxxLanguageStandard: .cxx17
)

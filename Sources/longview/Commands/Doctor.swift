import ArgumentParser
import DICOM
import Decoding
import Foundation
import Inference
import Ledger
import Postgres
import Scoring
import Store

struct Doctor: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Check the installation, and say how to mend what is wrong.",
        discussion: "Exit status 1 where something must be mended.")

    private enum Verdict: String {
        case good = "ok"
        case warning = "warning"
        case bad = "BAD"
    }

    func run() async throws {
        var bad = 0
        func report(_ verdict: Verdict, _ subject: String, _ finding: String) {
            if verdict == .bad { bad += 1 }
            Console.out("\(verdict.rawValue.padding(to: 8)) \(subject.padding(to: 12)) \(finding)")
        }
        let settings = Settings()

        let kernels = KernelSet.supported.map(\.rawValue).joined(separator: ", ")
        report(.good, "processor", "kernel sets: \(kernels); all compute the same bits")
        do {
            let confinement = try await settings.decoders.confinement()
            report(.good, "DICOM", "DCMTK \(DICOMLibrary.version) with its data dictionary")
            let missing = confinement.missing
            report(
                missing.isEmpty ? .good : .warning, "decoder",
                missing.isEmpty
                    ? "confined by limits, privileges, Landlock and seccomp"
                    : "not confined by \(missing.joined(separator: ", ")): a file that takes over a decoding library could "
                        + "do what this user may; use a kernel that has it, or run where little can be harmed")
            for drill in DecoderDrill.attempts where confinement == .complete {
                // A process each: an attempt leaves its process with a descriptor less.
                if try await settings.decoders.perform(drill) == 0 {
                    report(.bad, "decoder", "the attempt \(drill) succeeded in spite of confinement: report this")
                }
            }
        } catch {
            report(.bad, "decoder", "\(error)")
        }

        do {
            try FileManager.default.createDirectory(at: settings.home, withIntermediateDirectories: true)
            let probe = settings.home.appendingPathComponent(".doctor-\(UUID().uuidString)")
            try Data("x".utf8).write(to: probe)
            try FileManager.default.removeItem(at: probe)
            let free = try FileManager.default.attributesOfFileSystem(forPath: settings.home.path)[.systemFreeSize]
            let gigabytes = Double((free as? NSNumber)?.int64Value ?? 0) / 1e9
            report(
                gigabytes < 5 ? .warning : .good, "disk",
                "\(settings.home.path) can be written; \(gigabytes.formatted(decimals: 1)) GB free"
                    + (gigabytes < 5 ? ": make room before a busy day" : ""))
        } catch {
            report(.bad, "disk", "\(settings.home.path) can't be written: set LONGVIEW_HOME to a folder that can")
        }

        do {
            let store = try await settings.openStore()
            report(.good, "database", "reachable, schema current")
            for finding in try await store.protectionFindings() {
                report(finding.holds ? .good : .bad, "rights", finding.text)
            }
            let ledger = try await store.ledgerStatus()
            if let alarm = ledger.alarm {
                report(.bad, "ledger", "\(alarm) docs/audit.md#alarms says what to do")
            } else if ledger.rejected > 0 {
                report(.bad, "ledger", "\(ledger.rejected) entries are put aside as they are none: report this")
            } else {
                let late = ledger.size - (ledger.checkpointSize ?? 0) + ledger.waiting
                report(
                    late > 1000 ? .warning : .good, "ledger",
                    "\(ledger.size) entries, \(late) of them without a checkpoint"
                        + (late > 1000 ? ": run longview publish" : ""))
            }
            let keyPath = LedgerSettings(settings).keyPath
            if FileManager.default.fileExists(atPath: keyPath) {
                do {
                    _ = try KeyFile(path: keyPath).load()
                    report(.good, "key", "the ledger's signing key can be read by its owner alone")
                } catch {
                    report(.bad, "key", "\(error)")
                }
            }
            let skew = try await store.clockSkew()
            report(
                abs(skew) < 2 ? .good : .warning, "clock",
                "this machine and the database differ by \(skew.formatted(decimals: 3)) s"
                    + (abs(skew) < 2 ? "" : ": synchronise both by NTP"))
            let models = try await store.models()
            if models.isEmpty { report(.warning, "models", "none; run `longview model import models/nih-pneumonia-1`") }
            for model in models {
                do {
                    _ = try await LoadedModel.load(model, settings: settings, threads: nil)
                    report(.good, "models", "\(model.reference) reproduces its golden vectors")
                } catch {
                    report(.bad, "models", "\(error)")
                }
            }
            await store.close()
        } catch {
            report(.bad, "database", "\(error)")
        }
        if bad > 0 { throw ExitCode.failure }
    }
}

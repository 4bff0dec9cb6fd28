import ArgumentParser
import Foundation
import Inference
import Postgres
import Store

struct Show: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Everything known about one inference.")

    @Argument(help: "The inference's id, as `score` and `scores` print it.")
    var inference: String

    @Option(help: "Write the stored picture to this file, as PNG.", completion: .file(extensions: ["png"]))
    var picture: String?

    @OptionGroup var purpose: PurposeOption

    @OptionGroup var output: OutputOptions

    func run() async throws {
        guard let id = UUID(uuidString: inference) else {
            throw ValidationError("\(inference) is not an inference id; `longview scores` lists them")
        }
        let reads = try await Settings().openReads(as: .clinician, purpose: purpose.code)
        guard let (found, stored) = try await reads.inference(id) else {
            throw Failure("there is no inference \(inference); `longview scores` lists those there are")
        }
        let model = try await reads.models().first { $0.digest == found.record.modelDigest }
        await reads.close()
        if let picture {
            guard let stored else { throw Failure("the picture of \(inference) is no longer stored") }
            try Data(stored.png).write(to: URL(fileURLWithPath: picture), options: .atomic)
        }
        if output.json {
            Console.out(try JSONLine.text(InferenceEntry(found)))
        } else {
            for line in lines(found, model: model) { Console.out(line) }
        }
    }

    private func lines(_ inference: StoredInference, model: RegisteredModel?) -> [String] {
        let record = inference.record
        var text = Sections()
        text.section("Result")
        text.add("risk", record.risk.formatted(decimals: 6))
        text.add("category", record.category)
        if let model, let description = try? ModelDescription(registered: model) {
            text.add("endpoint", "risk of " + description.endpoint.text)
            text.add("not for", description.card.notFor)
        }
        text.add("flags", record.flags.isEmpty ? "none" : record.flags.joined(separator: ", "))

        text.section("Inference")
        text.add("id", inference.id.uuidString.lowercased())
        text.add("recorded", output.time(inference.createdAt))
        text.add("model", "\(record.modelName)@\(record.modelVersion)")
        text.add("model digest", record.modelDigest)
        text.add("engine", "\(record.engineVersion) on \(record.kernels) kernels, longview \(record.longviewVersion)")
        text.add("host", record.host)
        text.add(
            "time",
            "decode \(record.timing.decode.formatted(decimals: 1)) ms, render \(record.timing.render.formatted(decimals: 1)) ms, "
                + "score \(record.timing.score.formatted(decimals: 1)) ms")

        text.section("Object")
        text.add("kind", record.object.kind.rawValue)
        text.add("SHA-256", record.object.sha256)
        text.add("bytes", "\(record.object.byteCount)")
        text.add("transfer syntax", record.object.transferSyntaxUID)
        text.add("SOP class", record.object.sopClassUID)
        text.add("SOP instance", record.object.sopInstanceUID)
        text.add("series", record.object.seriesInstanceUID)
        text.add("study", record.object.studyInstanceUID)
        text.add("study date", record.object.studyDate)
        text.add("modality", record.object.modality)
        text.add("patient", record.object.patientID)
        text.add("accession", record.object.accessionNumber)

        text.section("Picture")
        text.add("SHA-256", record.pictureSHA256)
        text.add("rendering", record.rendering.text)
        text.add("gate", record.gate.text)
        text.add("profile", record.profile.text)

        text.section("Views (\(record.views.rawValue))")
        let classes = record.logits.count / record.viewRisks.count
        for (index, risk) in record.viewRisks.enumerated() {
            let logits = record.logits[index * classes..<(index + 1) * classes].map { "\($0)" }.joined(separator: ", ")
            text.add(
                "view \(index)",
                "risk \(risk.formatted(decimals: 6))  weight \(record.viewWeights[index])  logits \(logits)")
        }
        return text.lines
    }
}

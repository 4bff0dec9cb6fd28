import CConfinement
import Glibc

extension DecoderDrill {
    /// Does it, in the decoder process. Returns what an attempt failed with; the others don't return.
    func perform() -> Int32 {
        switch self {
        case .openFile: return CConfinement_try(CConfinement_probe_open_file)
        case .createFile: return CConfinement_try(CConfinement_probe_create_file)
        case .listFolder: return CConfinement_try(CConfinement_probe_list_folder)
        case .openSocket: return CConfinement_try(CConfinement_probe_open_socket)
        case .startProcess: return CConfinement_try(CConfinement_probe_start_process)
        case .startProgram: return CConfinement_try(CConfinement_probe_start_program)
        case .signalOthers: return CConfinement_try(CConfinement_probe_signal_others)
        case .makeCode: return CConfinement_try(CConfinement_probe_make_code)
        case .raiseLimits: return CConfinement_try(CConfinement_probe_raise_limits)
        case .trace: return CConfinement_try(CConfinement_probe_trace)
        case .crash: UnsafeMutablePointer<UInt8>(bitPattern: 1)!.pointee = 1
        case .abort: Glibc.abort()
        case .spin: while getpid() != 0 {}
        case .sleep: while true { pause() }
        case .exhaustMemory:
            var held: [[UInt8]] = []
            while true { held.append([UInt8](repeating: 1, count: 64 << 20)) }
        case .exhaustStack: return CConfinement_exhaust_stack(1)
        case .babble:
            let noise = [UInt8](repeating: 0x5A, count: 64)
            while noise.withUnsafeBytes({ CConfinement_send(CConfinement_socket, $0.baseAddress, $0.count) }) == 0 {}
        case .promiseTooMuch:
            let lengths: [UInt64] = [8, 1 << 60]
            _ = lengths.withUnsafeBytes { CConfinement_send(CConfinement_socket, $0.baseAddress, $0.count) }
            pause()
        }
        return 0
    }
}

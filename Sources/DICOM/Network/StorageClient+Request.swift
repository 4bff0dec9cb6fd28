import CDCMTK

extension StorageClient.Configuration {
    /// The request as C has it, for the time of the call.
    func withRequest(
        tls: TLSHandle?, proposals: [AssociationHandle.Context], _ body: (CDCMTK_request) -> CDCMTK_code
    ) -> CDCMTK_code {
        let serverName = self.tls?.checksHostName == true && self.tls?.trustedAuthorities != nil ? host : nil
        let abstractSyntaxes = proposals.map(\.abstractSyntaxUID)
        let transferSyntaxes = proposals.map(\.transferSyntaxUID)
        return [host, callingTitle, calledTitle, serverName ?? ""].withCStrings { names in
            abstractSyntaxes.withCStrings { abstractSyntaxes in
                transferSyntaxes.withCStrings { transferSyntaxes in
                    let proposals = abstractSyntaxes.indices.map { index in
                        CDCMTK_proposal(
                            abstractSyntax: abstractSyntaxes[index],
                            transferSyntaxes: transferSyntaxes.baseAddress! + index, transferCount: 1)
                    }
                    return proposals.withUnsafeBufferPointer { proposals in
                        body(
                            CDCMTK_request(
                                host: names[0], port: port, callingTitle: names[1], calledTitle: names[2],
                                tls: tls?.pointer, serverName: serverName == nil ? nil : names[3],
                                proposals: proposals.baseAddress, proposalCount: proposals.count,
                                maximumPDU: UInt32(maximumPDU), milliseconds: acseTimeout.milliseconds))
                    }
                }
            }
        }
    }
}

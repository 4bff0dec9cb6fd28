// Associations that others request.

#include "association.hpp"

#include <cstring>

using namespace cdcmtk;

namespace {

bool isListed(const char *uid, const char *const *list, size_t count) {
    for (size_t index = 0; index < count; ++index)
        if (std::strcmp(uid, list[index]) == 0) return true;
    return false;
}

struct Decision {
    CDCMTK_context context;
    T_ASC_P_ResultReason result;
};

/// What becomes of each presentation context that was proposed.
std::vector<Decision> decide(T_ASC_Parameters *parameters, const char *const *abstractSyntaxes, size_t abstractCount,
                             const char *const *transferSyntaxes, size_t transferCount) {
    std::vector<Decision> decisions;
    LST_HEAD **contexts = &parameters->DULparams.requestedPresentationContext;
    if (*contexts == nullptr) return decisions;
    auto *proposed = static_cast<DUL_PRESENTATIONCONTEXT *>(static_cast<void *>(LST_Head(contexts)));
    if (proposed != nullptr) (void)LST_Position(contexts, reinterpret_cast<LST_NODE *>(proposed));
    for (; proposed != nullptr;
         proposed = static_cast<DUL_PRESENTATIONCONTEXT *>(static_cast<void *>(LST_Next(contexts)))) {
        Decision decision = {};
        decision.context.identifier = proposed->presentationContextID;
        copy(decision.context.abstractSyntax, proposed->abstractSyntax);
        decision.result = ASC_P_ABSTRACTSYNTAXNOTSUPPORTED;
        if (isListed(proposed->abstractSyntax, abstractSyntaxes, abstractCount)) {
            decision.result = ASC_P_TRANSFERSYNTAXESNOTSUPPORTED;
            LST_HEAD **syntaxes = &proposed->proposedTransferSyntax;
            DUL_TRANSFERSYNTAX *syntax = nullptr;
            if (*syntaxes != nullptr) {
                syntax = static_cast<DUL_TRANSFERSYNTAX *>(static_cast<void *>(LST_Head(syntaxes)));
                if (syntax != nullptr) (void)LST_Position(syntaxes, reinterpret_cast<LST_NODE *>(syntax));
            }
            for (; syntax != nullptr && decision.result != ASC_P_ACCEPTANCE;
                 syntax = static_cast<DUL_TRANSFERSYNTAX *>(static_cast<void *>(LST_Next(syntaxes)))) {
                if (!isListed(syntax->transferSyntax, transferSyntaxes, transferCount)) continue;
                copy(decision.context.transferSyntax, syntax->transferSyntax);
                decision.result = ASC_P_ACCEPTANCE;
            }
        }
        decisions.push_back(decision);
    }
    return decisions;
}

/// The socket that DCMTK takes instead of accepting one.
struct HandedSocket {
    explicit HandedSocket(int socket) { dcmExternalSocketHandle.set(socket); }
    ~HandedSocket() { dcmExternalSocketHandle.set(-1); }
};

}  // namespace

CDCMTK_code CDCMTK_association_receive(int socket, int wake, CDCMTK_tls *tls, uint32_t maximumPDU,
                                       uint32_t milliseconds, CDCMTK_association **out,
                                       CDCMTK_message *message) noexcept {
    *out = nullptr;
    return guarded(message, [&] {
        auto association = std::make_unique<CDCMTK_association>(true);
        association->channel = std::make_unique<Channel>(socket, wake);
        association->deadline = after(milliseconds);
        CDCMTK_code code = initialiseNetwork(message);
        if (code != CDCMTK_OK) return code;
        if (tls != nullptr) {
            code = association->channel->handshake(tls, true, nullptr, association->deadline, message);
            if (code != CDCMTK_OK) return code;
        }
        code = association->readNegotiation(message);
        if (code != CDCMTK_OK) return code;
        OFCondition condition;
        {
            // DCMTK accepts connections itself and waits for each request in turn, unless it is handed a socket. That
            // is a variable of the process; but nothing waits here, the request is in memory.
            const std::lock_guard<std::mutex> guard(dcmtkLock());
            const HandedSocket handed(socket);
            condition = ASC_initializeNetwork(NET_ACCEPTOR, 0, 1, &association->network);
            if (condition.good()) condition = ASC_setTransportLayer(association->network, &association->layer, 0);
            if (condition.good())
                condition = ASC_receiveAssociation(association->network, &association->negotiated,
                                                   static_cast<long>(maximumPDU), nullptr, nullptr, OFFalse,
                                                   DUL_NOBLOCK, 1);
        }
        if (condition.bad()) {
            code = fail(*association, condition, message);
            association->abort(2, 0);
            return code;
        }
        char applicationContext[DUL_LEN_NAME + 1] = {};
        (void)ASC_getApplicationContextName(association->negotiated->params, applicationContext,
                                            sizeof applicationContext);
        if (std::strcmp(applicationContext, UID_StandardApplicationContext) != 0) {
            CDCMTK_association_reject(association.get(), 0, 1, 2);
            write(message, "the application context is not DICOM's.");
            return CDCMTK_PROTOCOL_ERROR;
        }
        association->begin(maximumPDU);
        *out = association.release();
        return CDCMTK_OK;
    });
}

void CDCMTK_association_peer(CDCMTK_association *association, CDCMTK_peer *out) noexcept {
    *out = {};
    const T_ASC_Parameters *parameters = association->negotiated->params;
    copy(out->callingTitle, parameters->DULparams.callingAPTitle);
    copy(out->calledTitle, parameters->DULparams.calledAPTitle);
    copy(out->implementationClass, parameters->theirImplementationClassUID);
    copy(out->implementationVersion, parameters->theirImplementationVersionName);
}

CDCMTK_code CDCMTK_association_acknowledge(CDCMTK_association *association, const char *const *abstractSyntaxes,
                                           size_t abstractCount, const char *const *transferSyntaxes,
                                           size_t transferCount, uint32_t milliseconds,
                                           CDCMTK_message *message) noexcept {
    return guarded(message, [&] {
        association->deadline = after(milliseconds);
        T_ASC_Parameters *parameters = association->negotiated->params;
        std::strcpy(parameters->ourImplementationClassUID, CDCMTK_IMPLEMENTATION_CLASS);
        std::strcpy(parameters->ourImplementationVersionName, CDCMTK_IMPLEMENTATION_VERSION);
        OFCondition condition = EC_Normal;
        for (const Decision &decision :
             decide(parameters, abstractSyntaxes, abstractCount, transferSyntaxes, transferCount)) {
            if (decision.result == ASC_P_ACCEPTANCE) {
                condition = ASC_acceptPresentationContext(parameters, decision.context.identifier,
                                                          decision.context.transferSyntax);
                association->contexts.push_back(decision.context);
            } else {
                condition = ASC_refusePresentationContext(parameters, decision.context.identifier, decision.result);
            }
            if (condition.bad()) break;
        }
        if (condition.good()) condition = ASC_acknowledgeAssociation(association->negotiated);
        return condition.good() ? CDCMTK_OK : fail(*association, condition, message);
    });
}

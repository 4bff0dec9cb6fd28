// Associations that this side requests.

#include "association.hpp"

#include <cstdio>
#include <cstring>

using namespace cdcmtk;

CDCMTK_code CDCMTK_association_request(const CDCMTK_request *request, CDCMTK_association **out,
                                       CDCMTK_rejection *rejection, CDCMTK_message *message) noexcept {
    *out = nullptr;
    return guarded(message, [&] {
        const CDCMTK_code ready = initialiseNetwork(message);
        if (ready != CDCMTK_OK) return ready;
        auto association = std::make_unique<CDCMTK_association>(false);
        association->deadline = after(request->milliseconds);
        association->tls = request->tls;
        association->serverName = request->serverName;
        T_ASC_Parameters *parameters = nullptr;
        OFCondition condition;
        {
            const std::lock_guard<std::mutex> guard(dcmtkLock());
            condition = ASC_initializeNetwork(NET_REQUESTOR, 0, static_cast<int>(request->milliseconds / 1000 + 1),
                                              &association->network);
        }
        if (condition.good()) condition = ASC_setTransportLayer(association->network, &association->layer, 0);
        if (condition.good())
            condition = ASC_createAssociationParameters(&parameters, static_cast<long>(request->maximumPDU));
        if (condition.good()) {
            std::strcpy(parameters->ourImplementationClassUID, CDCMTK_IMPLEMENTATION_CLASS);
            std::strcpy(parameters->ourImplementationVersionName, CDCMTK_IMPLEMENTATION_VERSION);
            condition = ASC_setAPTitles(parameters, request->callingTitle, request->calledTitle, nullptr);
        }
        if (condition.good()) {
            char address[128];
            const int length = std::snprintf(address, sizeof address, "%s:%u", request->host,
                                             static_cast<unsigned>(request->port));
            // DCMTK's field for it has 64 bytes.
            if (length < 0 || length > 63) {
                (void)ASC_destroyAssociationParameters(&parameters);
                write(message, "the host's name is too long; use its address.");
                return CDCMTK_NETWORK_FAILED;
            }
            condition = ASC_setPresentationAddresses(parameters, "localhost", address);
        }
        for (size_t index = 0; index < request->proposalCount && condition.good(); ++index) {
            const CDCMTK_proposal &proposal = request->proposals[index];
            condition = ASC_addPresentationContext(
                parameters, static_cast<T_ASC_PresentationContextID>(2 * index + 1), proposal.abstractSyntax,
                const_cast<const char **>(proposal.transferSyntaxes), static_cast<int>(proposal.transferCount));
        }
        if (condition.bad()) {
            if (parameters != nullptr) (void)ASC_destroyAssociationParameters(&parameters);
            return fail(*association, condition, message);
        }
        condition = ASC_requestAssociation(association->network, parameters, &association->negotiated, nullptr, nullptr,
                                           DUL_NOBLOCK, static_cast<int>(request->milliseconds / 1000 + 1));
        if (condition == DUL_ASSOCIATIONREJECTED) {
            T_ASC_RejectParameters rejected = {};
            (void)ASC_getRejectParameters(parameters, &rejected);
            rejection->isTransient = rejected.result == ASC_RESULT_REJECTEDTRANSIENT ? 1 : 0;
            rejection->source = rejected.source;
            rejection->reason = rejected.reason & 0xFF;
            write(message, "the peer rejected the association.");
            return CDCMTK_REJECTED;
        }
        if (condition.bad()) return fail(*association, condition, message);
        for (size_t index = 0; index < request->proposalCount; ++index) {
            T_ASC_PresentationContext accepted = {};
            condition = ASC_findAcceptedPresentationContext(
                parameters, static_cast<T_ASC_PresentationContextID>(2 * index + 1), &accepted);
            if (condition.bad() || accepted.resultReason != ASC_P_ACCEPTANCE) continue;
            CDCMTK_context context = {};
            context.identifier = accepted.presentationContextID;
            copy(context.abstractSyntax, request->proposals[index].abstractSyntax);
            copy(context.transferSyntax, accepted.acceptedTransferSyntax);
            association->contexts.push_back(context);
        }
        association->begin(request->maximumPDU);
        *out = association.release();
        return CDCMTK_OK;
    });
}

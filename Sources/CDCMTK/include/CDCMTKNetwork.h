// The DICOM upper layer (PS3.8) behind a C interface: associations over TCP and TLS.
//
// DCMTK reads and writes the A-ASSOCIATE PDUs and negotiates presentation contexts; P-DATA, release and abort are
// handled here, so that data set bytes pass as they came and every wait has an end. An association is used by one
// thread at a time, except for CDCMTK_association_cancel. Sockets are non-blocking and owned by their association.
#pragma once

#include "CDCMTK.h"

#ifdef __cplusplus
extern "C" {
#endif

/// Longview's Implementation Class UID, from the UUID 11fcafc0-d274-4de5-b735-e58cfa523e82 (PS3.5 B.2), and its name.
#define CDCMTK_IMPLEMENTATION_CLASS "2.25.23908899435314643500114459364145905282"
#define CDCMTK_IMPLEMENTATION_VERSION "LONGVIEW"

/// The smallest and the largest maximum length of a PDU that an association can be given.
#define CDCMTK_SMALLEST_PDU 4096
#define CDCMTK_LARGEST_PDU 131072

/// Certificates, key and protocol settings of one side.
typedef struct CDCMTK_tls CDCMTK_tls;
typedef struct CDCMTK_association CDCMTK_association;

// MARK: TLS

typedef struct CDCMTK_tls_files {
    /// PEM: this side's certificate, then those between it and the root. Null for a client without one.
    const char *certificate;
    /// PEM: the private key of the certificate, not encrypted. Null where `certificate` is.
    const char *key;
    /// PEM: the authorities whose certificates are trusted. Null where the peer's certificate is not asked for.
    const char *authorities;
} CDCMTK_tls_files;

/// Settings after DICOM's Non-Downgrading BCP 195 TLS Profile (PS3.15 B.10): TLS 1.2 or later. With `authorities`, the
/// peer must show a certificate that one of them vouches for.
CDCMTK_code CDCMTK_tls_create(int isServer, const CDCMTK_tls_files *files, CDCMTK_tls **out,
                              CDCMTK_message *message) CDCMTK_NOEXCEPT;
void CDCMTK_tls_destroy(CDCMTK_tls *tls) CDCMTK_NOEXCEPT;

// MARK: Acceptor

/// accept4(2), which Swift's module of the C library lacks; the socket is not inherited by programs that are started.
int CDCMTK_accept(int listener, void *address, uint32_t *addressLength) CDCMTK_NOEXCEPT;

typedef struct CDCMTK_peer {
    char callingTitle[17];
    char calledTitle[17];
    char implementationClass[65];
    char implementationVersion[17];
} CDCMTK_peer;

/// Takes over a connected socket, shakes hands where `tls` is not null, and receives an A-ASSOCIATE-RQ, all within
/// `milliseconds`, or until `wake` becomes readable. The socket is closed where this fails; what the peer sent instead
/// of a request is answered with A-ABORT.
CDCMTK_code CDCMTK_association_receive(int socket, int wake, CDCMTK_tls *tls, uint32_t maximumPDU,
                                       uint32_t milliseconds, CDCMTK_association **out,
                                       CDCMTK_message *message) CDCMTK_NOEXCEPT;
void CDCMTK_association_peer(CDCMTK_association *association, CDCMTK_peer *out) CDCMTK_NOEXCEPT;
/// Sends A-ASSOCIATE-AC. Of each proposed presentation context whose abstract syntax is listed, the first transfer
/// syntax in the proposal that is listed too is accepted; the others are refused with the standard's reasons.
CDCMTK_code CDCMTK_association_acknowledge(CDCMTK_association *association, const char *const *abstractSyntaxes,
                                           size_t abstractCount, const char *const *transferSyntaxes,
                                           size_t transferCount, uint32_t milliseconds,
                                           CDCMTK_message *message) CDCMTK_NOEXCEPT;
/// Sends A-ASSOCIATE-RJ (PS3.8 table 9-21) and ends the connection.
void CDCMTK_association_reject(CDCMTK_association *association, int isTransient, int source,
                               int reason) CDCMTK_NOEXCEPT;
/// Answers A-RELEASE-RQ and ends the connection.
void CDCMTK_association_answer_release(CDCMTK_association *association) CDCMTK_NOEXCEPT;

// MARK: Requestor

typedef struct CDCMTK_proposal {
    const char *abstractSyntax;
    const char *const *transferSyntaxes;
    size_t transferCount;
} CDCMTK_proposal;

typedef struct CDCMTK_request {
    /// Name or IPv4 address.
    const char *host;
    uint16_t port;
    const char *callingTitle;
    const char *calledTitle;
    /// Not null for TLS. `serverName` is what the certificate must be issued for; null where any name will do.
    CDCMTK_tls *tls;
    const char *serverName;
    const CDCMTK_proposal *proposals;
    /// At most 128.
    size_t proposalCount;
    uint32_t maximumPDU;
    uint32_t milliseconds;
} CDCMTK_request;

typedef struct CDCMTK_rejection {
    int isTransient;
    int source;
    int reason;
} CDCMTK_rejection;

/// Connects and requests an association; proposal number n has the presentation context id 2n + 1.
/// CDCMTK_REJECTED fills in `rejection`.
CDCMTK_code CDCMTK_association_request(const CDCMTK_request *request, CDCMTK_association **out,
                                       CDCMTK_rejection *rejection, CDCMTK_message *message) CDCMTK_NOEXCEPT;
/// Asks for release, waits for the answer, and ends the connection.
CDCMTK_code CDCMTK_association_release(CDCMTK_association *association, uint32_t milliseconds,
                                       CDCMTK_message *message) CDCMTK_NOEXCEPT;

// MARK: Either side

typedef struct CDCMTK_context {
    uint8_t identifier;
    char abstractSyntax[65];
    char transferSyntax[65];
} CDCMTK_context;

/// The accepted presentation context with that identifier; CDCMTK_ABSENT if there is none.
CDCMTK_code CDCMTK_association_context(CDCMTK_association *association, uint8_t identifier,
                                       CDCMTK_context *out) CDCMTK_NOEXCEPT;

/// One presentation data value (PS3.8 9.3.5.1). The bytes are valid until the next call.
typedef struct CDCMTK_pdv {
    const uint8_t *start;
    size_t count;
    uint8_t context;
    int isCommand;
    int isLast;
} CDCMTK_pdv;

/// The next presentation data value. A PDU must begin within `idle` milliseconds (or CDCMTK_TIMED_OUT) and, once it has
/// begun, be complete within `whole`. CDCMTK_INTERRUPTED where `isInterruptible` and the `wake` of the acceptor became
/// readable before a PDU began. CDCMTK_RELEASED, CDCMTK_ABORTED and CDCMTK_CLOSED say what the peer did;
/// CDCMTK_PROTOCOL_ERROR that it sent something else than the standard allows here, which has been answered with
/// A-ABORT.
CDCMTK_code CDCMTK_association_read(CDCMTK_association *association, uint32_t idle, uint32_t whole, int isInterruptible,
                                    CDCMTK_pdv *out, CDCMTK_message *message) CDCMTK_NOEXCEPT;
/// Sends bytes of a command or data set, in as many PDUs as the peer's maximum length makes necessary.
CDCMTK_code CDCMTK_association_write(CDCMTK_association *association, uint8_t context, int isCommand, int isLast,
                                     CDCMTK_bytes bytes, uint32_t milliseconds,
                                     CDCMTK_message *message) CDCMTK_NOEXCEPT;
/// Sends A-ABORT (source 0: service user, 2: service provider) and ends the connection.
void CDCMTK_association_abort(CDCMTK_association *association, int source, int reason) CDCMTK_NOEXCEPT;
/// Ends the connection at once, from any thread; whoever waits on it sees CDCMTK_CLOSED.
void CDCMTK_association_cancel(CDCMTK_association *association) CDCMTK_NOEXCEPT;
void CDCMTK_association_destroy(CDCMTK_association *association) CDCMTK_NOEXCEPT;

// MARK: Deflate

/// Inflates the beginning of a raw deflate stream into `out`, as far as source and room allow. CDCMTK_MALFORMED where
/// it is damaged before that.
CDCMTK_code CDCMTK_inflate_head(CDCMTK_bytes source, uint8_t *out, size_t capacity, size_t *count) CDCMTK_NOEXCEPT;

#ifdef __cplusplus
}
#endif

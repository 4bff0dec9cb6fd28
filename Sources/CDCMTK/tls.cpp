#include "channel.hpp"

#include <dcmtk/dcmtls/tlslayer.h>
#include <openssl/err.h>

#include <cstdio>
#include <mutex>

using namespace cdcmtk;

namespace {

CDCMTK_code refuse(CDCMTK_message *message, const char *what, const char *file) {
    const unsigned long error = ERR_peek_last_error();
    const char *reason = error == 0 ? nullptr : ERR_reason_error_string(error);
    char text[sizeof message->text];
    std::snprintf(text, sizeof text, "%s %s: %s.", what, file, reason == nullptr ? "it can't be used" : reason);
    write(message, text);
    ERR_clear_error();
    return CDCMTK_TLS_FAILED;
}

}  // namespace

CDCMTK_code CDCMTK_tls_create(int isServer, const CDCMTK_tls_files *files, CDCMTK_tls **out,
                              CDCMTK_message *message) noexcept {
    *out = nullptr;
    return guarded(message, [&] {
        const CDCMTK_code ready = CDCMTK_initialise(message);
        if (ready != CDCMTK_OK) return ready;
        static std::once_flag once;
        std::call_once(once, [] { DcmTLSTransportLayer::initializeOpenSSL(); });
        ERR_clear_error();
        // DCMTK knows the profile's cipher suites and protocol versions; what it has set up is shared, not its layer.
        DcmTLSTransportLayer layer(isServer != 0 ? NET_ACCEPTOR : NET_REQUESTOR, nullptr, OFFalse);
        if (!layer) {
            write(message, "OpenSSL can't be set up.");
            return CDCMTK_TLS_FAILED;
        }
        if (layer.setTLSProfile(TSP_Profile_BCP195_ND).bad() || layer.activateCipherSuites().bad()) {
            write(message, "OpenSSL lacks the cipher suites of the BCP 195 TLS Profile.");
            return CDCMTK_TLS_FAILED;
        }
        auto tls = std::make_unique<CDCMTK_tls>();
        SSL_CTX *context = layer.getNativeHandle();
        if (SSL_CTX_up_ref(context) != 1) throw std::bad_alloc();
        tls->context = context;
        SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                      SSL_MODE_RELEASE_BUFFERS);
        SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
        if (SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) != 1) {
            write(message, "OpenSSL can't be held to TLS 1.2.");
            return CDCMTK_TLS_FAILED;
        }
        // Nobody is asked for a pass phrase on the terminal of a server.
        SSL_CTX_set_default_passwd_cb(context, [](char *, int, int, void *) { return 0; });
        if (files->certificate != nullptr) {
            if (SSL_CTX_use_certificate_chain_file(context, files->certificate) != 1)
                return refuse(message, "certificate", files->certificate);
            if (files->key == nullptr || SSL_CTX_use_PrivateKey_file(context, files->key, SSL_FILETYPE_PEM) != 1)
                return refuse(message, "private key", files->key == nullptr ? "(none)" : files->key);
            if (SSL_CTX_check_private_key(context) != 1)
                return refuse(message, "private key", files->key);
        }
        if (files->authorities != nullptr) {
            if (SSL_CTX_load_verify_locations(context, files->authorities, nullptr) != 1)
                return refuse(message, "trusted certificates", files->authorities);
            if (isServer != 0) {
                STACK_OF(X509_NAME) *names = SSL_load_client_CA_file(files->authorities);
                if (names == nullptr) return refuse(message, "trusted certificates", files->authorities);
                SSL_CTX_set_client_CA_list(context, names);
            }
            SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
        } else {
            SSL_CTX_set_verify(context, SSL_VERIFY_NONE, nullptr);
        }
        *out = tls.release();
        return CDCMTK_OK;
    });
}

void CDCMTK_tls_destroy(CDCMTK_tls *tls) noexcept { delete tls; }

#include "channel.hpp"

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

using namespace cdcmtk;

namespace {

// OpenSSL's own socket BIO writes with write(2), and a peer that has gone would then end the process with SIGPIPE.
int bioWrite(BIO *bio, const char *bytes, int count) {
    BIO_clear_retry_flags(bio);
    const ssize_t sent = ::send(static_cast<int>(reinterpret_cast<intptr_t>(BIO_get_data(bio))), bytes,
                                static_cast<size_t>(count), MSG_NOSIGNAL);
    if (sent < 0 && (errno == EAGAIN || errno == EINTR)) BIO_set_retry_write(bio);
    return static_cast<int>(sent);
}

int bioRead(BIO *bio, char *bytes, int count) {
    BIO_clear_retry_flags(bio);
    const ssize_t got = ::recv(static_cast<int>(reinterpret_cast<intptr_t>(BIO_get_data(bio))), bytes,
                               static_cast<size_t>(count), 0);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) BIO_set_retry_read(bio);
    return static_cast<int>(got);
}

long bioControl(BIO *, int command, long, void *) { return command == BIO_CTRL_FLUSH ? 1 : 0; }

BIO_METHOD *socketMethod() {
    static BIO_METHOD *const method = [] {
        BIO_METHOD *made = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "socket without SIGPIPE");
        if (made != nullptr) {
            BIO_meth_set_write(made, bioWrite);
            BIO_meth_set_read(made, bioRead);
            BIO_meth_set_ctrl(made, bioControl);
        }
        return made;
    }();
    return method;
}

/// Why a handshake failed, in OpenSSL's words.
void writeReason(CDCMTK_message *message, SSL *session, bool closed) {
    const long verification = SSL_get_verify_result(session);
    const unsigned long error = ERR_peek_error();
    const char *reason = error == 0 ? nullptr : ERR_reason_error_string(error);
    if (verification != X509_V_OK && SSL_get0_peer_certificate(session) != nullptr)
        reason = X509_verify_cert_error_string(verification);
    if (reason == nullptr) reason = closed ? "the peer closed the connection" : "no reason was given";
    char text[sizeof message->text];
    std::snprintf(text, sizeof text, "the TLS handshake failed: %s.", reason);
    write(message, text);
}

/// Whether `text` is an address instead of a name.
bool isAddress(const char *text) {
    unsigned char address[sizeof(in6_addr)];
    return inet_pton(AF_INET, text, address) == 1 || inet_pton(AF_INET6, text, address) == 1;
}

}  // namespace

int CDCMTK_accept(int listener, void *address, uint32_t *addressLength) noexcept {
    socklen_t length = *addressLength;
    const int socket = accept4(listener, static_cast<sockaddr *>(address), &length, SOCK_CLOEXEC);
    *addressLength = length;
    if (socket != 0) return socket;
    // Standard input was closed. DCMTK takes descriptor 0 for none.
    const int other = fcntl(socket, F_DUPFD_CLOEXEC, 3);
    (void)::close(socket);
    return other;
}

Channel::Channel(int socket, int wake) noexcept : descriptor(socket), wake(wake) {
    const int flags = fcntl(socket, F_GETFL);
    if (flags >= 0) (void)fcntl(socket, F_SETFL, flags | O_NONBLOCK);
    (void)fcntl(socket, F_SETFD, FD_CLOEXEC);
    const int on = 1;
    // A response is one small packet, and the peer waits for it.
    (void)setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    (void)setsockopt(socket, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
}

Channel::~Channel() {
    SSL_free(session);
    close();
}

CDCMTK_code Channel::wait(Want want, Deadline deadline, bool isInterruptible) noexcept {
    while (true) {
        if (isCancelled) return CDCMTK_CLOSED;
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now()).count();
        if (left <= 0) return CDCMTK_TIMED_OUT;
        pollfd entries[2] = {{descriptor, static_cast<short>(want == Want::read ? POLLIN : POLLOUT), 0},
                             {wake, POLLIN, 0}};
        const nfds_t count = isInterruptible && wake >= 0 ? 2 : 1;
        const int ready = poll(entries, count, static_cast<int>(left < 60000 ? left : 60000));
        if (ready < 0 && errno != EINTR) return CDCMTK_NETWORK_FAILED;
        if (ready <= 0) continue;
        if (entries[0].revents != 0) return CDCMTK_OK;
        if (count == 2 && entries[1].revents != 0) return CDCMTK_INTERRUPTED;
    }
}

CDCMTK_code Channel::handshake(const CDCMTK_tls *tls, bool isServer, const char *serverName, Deadline deadline,
                               CDCMTK_message *message) {
    ERR_clear_error();
    session = SSL_new(tls->context);
    BIO *bio = session == nullptr || socketMethod() == nullptr ? nullptr : BIO_new(socketMethod());
    if (bio == nullptr) throw std::bad_alloc();
    BIO_set_data(bio, reinterpret_cast<void *>(static_cast<intptr_t>(descriptor)));
    BIO_set_init(bio, 1);
    SSL_set_bio(session, bio, bio);
    if (!isServer && serverName != nullptr) {
        const bool set = isAddress(serverName)
                             ? X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(session), serverName) == 1
                             : SSL_set1_host(session, serverName) == 1 &&
                                   SSL_set_tlsext_host_name(session, serverName) == 1;
        if (!set) {
            cdcmtk::write(message, "the peer's name can't be looked for in a certificate.");
            return CDCMTK_TLS_FAILED;
        }
    }
    while (true) {
        const int status = isServer ? SSL_accept(session) : SSL_connect(session);
        if (status == 1) return CDCMTK_OK;
        const int error = SSL_get_error(session, status);
        if (error != SSL_ERROR_WANT_READ && error != SSL_ERROR_WANT_WRITE) {
            writeReason(message, session, error == SSL_ERROR_SYSCALL || error == SSL_ERROR_ZERO_RETURN);
            return CDCMTK_TLS_FAILED;
        }
        const CDCMTK_code waited = wait(error == SSL_ERROR_WANT_READ ? Want::read : Want::write, deadline, true);
        if (waited != CDCMTK_OK) return waited;
    }
}

CDCMTK_code Channel::some(uint8_t *buffer, size_t count, size_t &got, Want &want) {
    got = 0;
    want = Want::read;
    if (session != nullptr) {
        ERR_clear_error();
        const int status = SSL_read_ex(session, buffer, count, &got);
        if (status == 1) return CDCMTK_OK;
        switch (SSL_get_error(session, status)) {
        case SSL_ERROR_WANT_READ: return CDCMTK_OK;
        case SSL_ERROR_WANT_WRITE: want = Want::write; return CDCMTK_OK;
        default: return CDCMTK_CLOSED;
        }
    }
    const ssize_t taken = ::recv(descriptor, buffer, count, 0);
    if (taken > 0) {
        got = static_cast<size_t>(taken);
        return CDCMTK_OK;
    }
    if (taken < 0 && (errno == EAGAIN || errno == EINTR)) return CDCMTK_OK;
    return CDCMTK_CLOSED;
}

CDCMTK_code Channel::transferIn(uint8_t *buffer, size_t count, Deadline deadline, bool isInterruptible) {
    while (count > 0) {
        if (isCancelled) return CDCMTK_CLOSED;
        size_t got = 0;
        Want want = Want::read;
        CDCMTK_code code = some(buffer, count, got, want);
        if (code != CDCMTK_OK) return code;
        if (got == 0) {
            code = wait(want, deadline, isInterruptible);
            if (code != CDCMTK_OK) return code;
        }
        buffer += got;
        count -= got;
    }
    return CDCMTK_OK;
}

CDCMTK_code Channel::read(void *buffer, size_t count, Deadline first, uint32_t whole, bool isInterruptible) {
    uint8_t *bytes = static_cast<uint8_t *>(buffer);
    const CDCMTK_code code = transferIn(bytes, 1, first, isInterruptible);
    return code == CDCMTK_OK ? transferIn(bytes + 1, count - 1, after(whole), false) : code;
}

CDCMTK_code Channel::send(const uint8_t *bytes, size_t count, Deadline deadline, bool hasMore) {
    while (count > 0) {
        if (isCancelled) return CDCMTK_CLOSED;
        Want want = Want::write;
        size_t sent = 0;
        if (session != nullptr) {
            ERR_clear_error();
            const int status = SSL_write_ex(session, bytes, count, &sent);
            if (status != 1) {
                const int error = SSL_get_error(session, status);
                if (error != SSL_ERROR_WANT_READ && error != SSL_ERROR_WANT_WRITE) return CDCMTK_CLOSED;
                want = error == SSL_ERROR_WANT_READ ? Want::read : Want::write;
            }
        } else {
            const ssize_t taken = ::send(descriptor, bytes, count, MSG_NOSIGNAL | (hasMore ? MSG_MORE : 0));
            if (taken < 0 && errno != EAGAIN && errno != EINTR) return CDCMTK_CLOSED;
            if (taken > 0) sent = static_cast<size_t>(taken);
        }
        if (sent == 0) {
            const CDCMTK_code code = wait(want, deadline, false);
            if (code != CDCMTK_OK) return code;
        }
        bytes += sent;
        count -= sent;
    }
    return CDCMTK_OK;
}

CDCMTK_code Channel::write(CDCMTK_bytes head, CDCMTK_bytes body, Deadline deadline) {
    const CDCMTK_code code = send(head.start, head.count, deadline, body.count > 0);
    return code == CDCMTK_OK ? send(body.start, body.count, deadline, false) : code;
}

void Channel::finish() noexcept {
    if (descriptor < 0) return;
    if (session != nullptr && SSL_is_init_finished(session)) {
        ERR_clear_error();
        (void)SSL_shutdown(session);
    }
    // Closing while bytes of the peer are unread sends a reset, which may overtake what was sent last.
    (void)::shutdown(descriptor, SHUT_WR);
    const Deadline deadline = after(1000);
    uint8_t rest[4096];
    for (int round = 0; round < 256 && wait(Want::read, deadline, false) == CDCMTK_OK; ++round) {
        const ssize_t got = ::recv(descriptor, rest, sizeof rest, 0);
        if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR)) break;
    }
    close();
}

void Channel::cancel() noexcept {
    isCancelled = true;
    const std::lock_guard<std::mutex> guard(descriptorLock);
    if (descriptor >= 0) (void)::shutdown(descriptor, SHUT_RDWR);
}

void Channel::close() noexcept {
    const std::lock_guard<std::mutex> guard(descriptorLock);
    if (descriptor >= 0) (void)::close(descriptor);
    descriptor = -1;
    isCancelled = true;
}

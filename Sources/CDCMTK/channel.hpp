// A non-blocking socket, with TLS or without, on which every wait has an end.
#pragma once

#include "internal.hpp"

#include <openssl/ssl.h>

#include <atomic>
#include <chrono>
#include <mutex>

struct CDCMTK_tls {
    SSL_CTX *context = nullptr;
    ~CDCMTK_tls() { SSL_CTX_free(context); }
};

namespace cdcmtk {

using Clock = std::chrono::steady_clock;
using Deadline = Clock::time_point;

inline Deadline after(uint32_t milliseconds) { return Clock::now() + std::chrono::milliseconds(milliseconds); }

class Channel {
public:
    /// Takes over the socket. `wake` is a descriptor that ends interruptible waits when it becomes readable, or -1.
    Channel(int socket, int wake) noexcept;
    ~Channel();
    Channel(const Channel &) = delete;
    Channel &operator=(const Channel &) = delete;

    /// The TLS handshake; the channel is interruptible during it. `serverName` is checked by a client, if not null.
    CDCMTK_code handshake(const CDCMTK_tls *tls, bool isServer, const char *serverName, Deadline deadline,
                          CDCMTK_message *message);
    /// Fills the buffer. The first byte has to come before `first`, all before it plus `whole` milliseconds.
    CDCMTK_code read(void *buffer, size_t count, Deadline first, uint32_t whole, bool isInterruptible);
    CDCMTK_code read(void *buffer, size_t count, Deadline deadline) {
        return transferIn(static_cast<uint8_t *>(buffer), count, deadline, false);
    }
    /// Sends all of both pieces.
    CDCMTK_code write(CDCMTK_bytes head, CDCMTK_bytes body, Deadline deadline);
    /// Sends no more, waits up to a second for the peer to close so that it can read what was sent last, and closes.
    void finish() noexcept;
    /// Makes every wait end; from any thread.
    void cancel() noexcept;

private:
    enum class Want { read, write };
    CDCMTK_code wait(Want want, Deadline deadline, bool isInterruptible) noexcept;
    CDCMTK_code transferIn(uint8_t *buffer, size_t count, Deadline deadline, bool isInterruptible);
    /// Some bytes, or 0 where there are none yet.
    CDCMTK_code some(uint8_t *buffer, size_t count, size_t &got, Want &want);
    CDCMTK_code send(const uint8_t *bytes, size_t count, Deadline deadline, bool hasMore);
    void close() noexcept;

    std::mutex descriptorLock;  // Between cancel() and close().
    int descriptor;
    const int wake;
    SSL *session = nullptr;
    std::atomic<bool> isCancelled{false};
};

}  // namespace cdcmtk

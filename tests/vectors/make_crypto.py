#!/usr/bin/python3
# Makes crypto.json: messages of many sizes under every algorithm, as python3-cryptography (OpenSSL) computes them.
# Run it in this folder; what it writes is the same each time.
import hashlib
import json

from cryptography.hazmat.primitives import hashes, hmac
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

CIPHERS = {"aes128": 16, "aes192": 24, "aes256": 32, "3des": 24, "null": 0}
GCM = {"aes128gcm16": 16, "aes192gcm16": 24, "aes256gcm16": 32}
AUTHENTICATORS = {
    "md5-96": (hashes.MD5(), 16, 12), "sha1-96": (hashes.SHA1(), 20, 12), "sha2_256-128": (hashes.SHA256(), 32, 16),
    "sha2_384-192": (hashes.SHA384(), 48, 24), "sha2_512-256": (hashes.SHA512(), 64, 32)}
TEXT_BYTES = (16, 48, 64, 112, 128, 512, 1504)


def stream(seed, count):
    """Bytes that are the same each time and look like no pattern."""
    blocks = b"".join(hashlib.sha256(f"{seed}/{number}".encode()).digest() for number in range(count // 32 + 1))
    return blocks[:count]


def mac(name, key, message):
    algorithm, _, icv_bytes = AUTHENTICATORS[name]
    digest = hmac.HMAC(key, algorithm)
    digest.update(message)
    return digest.finalize()[:icv_bytes]


def separate(cipher, authenticator, size):
    """ESP's layout: an 8-byte header and the IV, authenticated; the text, encrypted and authenticated."""
    name = "-".join(part for part in (cipher, authenticator) if part)
    seed = f"{name} {size}"
    key = stream(seed + " key", CIPHERS[cipher])
    iv = stream(seed + " iv", {"3des": 8, "null": 0}.get(cipher, 16))
    header, text = stream(seed + " header", 8), stream(seed + " text", size)
    encrypted = text
    if cipher != "null":
        algorithm = algorithms.TripleDES(key) if cipher == "3des" else algorithms.AES(key)
        encryptor = Cipher(algorithm, modes.CBC(iv)).encryptor()
        encrypted = encryptor.update(text) + encryptor.finalize()
    vector = {"algorithm": name, "encryption_key": key, "iv": iv, "header": header, "plain": text,
              "encrypted": encrypted, "authentication_key": b"", "icv": b""}
    if authenticator:
        vector["authentication_key"] = stream(seed + " authentication", AUTHENTICATORS[authenticator][1])
        vector["icv"] = mac(authenticator, vector["authentication_key"], header + iv + encrypted)
    return vector


def combined(name, size):
    seed = f"{name} {size}"
    key, salt, iv = stream(seed + " key", GCM[name]), stream(seed + " salt", 4), stream(seed + " iv", 8)
    header, text = stream(seed + " header", 8), stream(seed + " text", size)
    sealed = AESGCM(key).encrypt(salt + iv, text, header)
    return {"algorithm": name, "encryption_key": key + salt, "authentication_key": b"", "iv": iv, "header": header,
            "plain": text, "encrypted": sealed[:-16], "icv": sealed[-16:]}


def main():
    vectors = [separate(cipher, authenticator, size)
               for cipher in CIPHERS for authenticator in (None, *AUTHENTICATORS) for size in TEXT_BYTES
               if cipher != "null" or authenticator]
    vectors += [combined(name, size) for name in GCM for size in (4, 20, 44, *TEXT_BYTES)]
    source = "python3-cryptography over OpenSSL, written by make_crypto.py"
    lines = [json.dumps({name: value.hex() if isinstance(value, bytes) else value for name, value in vector.items()})
             for vector in vectors]
    with open("crypto.json", "w", encoding="ascii") as file:
        file.write('{"source": "' + source + '",\n"vectors": [\n' + ",\n".join(lines) + "\n]}\n")


if __name__ == "__main__":
    main()

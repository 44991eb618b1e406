#!/usr/bin/python3
# Makes crypto.json: messages of many sizes under every algorithm, as python3-cryptography (OpenSSL) computes them.
# Run it in this folder; what it writes is the same each time.
import hashlib
import json

from cryptography.hazmat.primitives import cmac, hashes, hmac
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESCCM, AESGCM, ChaCha20Poly1305

CIPHERS = {"aes128": 16, "aes192": 24, "aes256": 32, "3des": 24, "null": 0,
           "aes128ctr": 20, "aes192ctr": 28, "aes256ctr": 36}
# name: (key, salt and ICV bytes)
COMBINED = {
    **{f"aes{bits}gcm{icv}": (bits // 8, 4, icv) for bits in (128, 192, 256) for icv in (8, 12, 16)},
    **{f"aes{bits}gmac": (bits // 8, 4, 16) for bits in (128, 192, 256)},
    **{f"aes{bits}ccm{icv}": (bits // 8, 3, icv) for bits in (128, 256) for icv in (8, 12, 16)},
    "chacha20poly1305": (32, 4, 16)}
AUTHENTICATORS = {
    "md5-96": (hashes.MD5(), 16, 12), "sha1-96": (hashes.SHA1(), 20, 12), "sha2_256-128": (hashes.SHA256(), 32, 16),
    "sha2_384-192": (hashes.SHA384(), 48, 24), "sha2_512-256": (hashes.SHA512(), 64, 32),
    "aes_xcbc-96": (None, 16, 12), "aes_cmac-96": (None, 16, 12)}
TEXT_BYTES = (16, 112, 128, 1504)


def stream(seed, count):
    """Bytes that are the same each time and look like no pattern."""
    blocks = b"".join(hashlib.sha256(f"{seed}/{number}".encode()).digest() for number in range(count // 32 + 1))
    return blocks[:count]


def aes_block(key, block):
    return Cipher(algorithms.AES(key), modes.ECB()).encryptor().update(block)


def xcbc(key, message):
    """RFC 3566 section 4; OpenSSL has it not."""
    first, whole, part = (aes_block(key, bytes([number]) * 16) for number in (1, 2, 3))
    blocks = [message[at:at + 16] for at in range(0, len(message), 16)] or [b""]
    state = bytes(16)
    for number, block in enumerate(blocks, 1):
        if number == len(blocks):
            last = whole if len(block) == 16 else part
            block = bytes(a ^ b for a, b in zip((block + b"\x80" + bytes(15))[:16] if last is part else block, last))
        state = aes_block(first, bytes(a ^ b for a, b in zip(state, block)))
    return state


def mac(name, key, message):
    algorithm, _, icv_bytes = AUTHENTICATORS[name]
    if name == "aes_xcbc-96":
        return xcbc(key, message)[:icv_bytes]
    if name == "aes_cmac-96":
        digest = cmac.CMAC(algorithms.AES(key))
        digest.update(message)
        return digest.finalize()[:icv_bytes]
    digest = hmac.HMAC(key, algorithm)
    digest.update(message)
    return digest.finalize()[:icv_bytes]


def separate(cipher, authenticator, size):
    """ESP's layout: an 8-byte header and the IV, authenticated; the text, encrypted and authenticated."""
    name = "-".join(part for part in (cipher, authenticator) if part)
    seed = f"{name} {size}"
    key = stream(seed + " key", CIPHERS[cipher])
    iv = stream(seed + " iv", 0 if cipher == "null" else 8 if cipher == "3des" or cipher.endswith("ctr") else 16)
    header, text = stream(seed + " header", 8), stream(seed + " text", size)
    encrypted = text
    if cipher.endswith("ctr"):  # RFC 3686 section 4: the key ends in the nonce
        encrypted = Cipher(algorithms.AES(key[:-4]), modes.CTR(key[-4:] + iv + b"\0\0\0\1")).encryptor().update(text)
    elif cipher != "null":
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
    key_bytes, salt_bytes, icv_bytes = COMBINED[name]
    key, salt, iv = stream(seed + " key", key_bytes), stream(seed + " salt", salt_bytes), stream(seed + " iv", 8)
    header, text = stream(seed + " header", 8), stream(seed + " text", size)
    if "gmac" in name:  # RFC 4543 section 3.3
        encrypted, icv = text, AESGCM(key).encrypt(salt + iv, b"", header + iv + text)
    elif "ccm" in name:
        sealed = AESCCM(key, icv_bytes).encrypt(salt + iv, text, header)
        encrypted, icv = sealed[:-icv_bytes], sealed[-icv_bytes:]
    else:
        sealed = (ChaCha20Poly1305 if "chacha" in name else AESGCM)(key).encrypt(salt + iv, text, header)
        encrypted, icv = sealed[:-16], sealed[-16:][:icv_bytes]
    return {"algorithm": name, "encryption_key": key + salt, "authentication_key": b"", "iv": iv, "header": header,
            "plain": text, "encrypted": encrypted, "icv": icv}


def main():
    vectors = [separate(cipher, authenticator, size)
               for cipher in CIPHERS for authenticator in (None, *AUTHENTICATORS) for size in TEXT_BYTES
               if cipher != "null" or authenticator]
    vectors += [combined(name, size) for name in COMBINED for size in (4, 20, 44, *TEXT_BYTES)]
    source = "python3-cryptography over OpenSSL, written by make_crypto.py"
    lines = [json.dumps({name: value.hex() if isinstance(value, bytes) else value for name, value in vector.items()})
             for vector in vectors]
    with open("crypto.json", "w", encoding="ascii") as file:
        file.write('{"source": "' + source + '",\n"vectors": [\n' + ",\n".join(lines) + "\n]}\n")


if __name__ == "__main__":
    main()

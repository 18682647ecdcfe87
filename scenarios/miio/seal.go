package miio

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/md5"
	"errors"
	"fmt"
)

// maxPlaintext is what fits one datagram: a length field of 16 bits, less the
// header and the padding.
const maxPlaintext = 0xffff - headerSize - aes.BlockSize

// ErrChecksum tells that a packet was not sealed with this token.
var ErrChecksum = errors.New("the checksum does not verify with this token")

// Seal encrypts a message for or from a device. It fails only when the message
// does not fit one datagram.
func Seal(token Token, device, stamp uint32, plaintext []byte) (Packet, error) {
	if len(plaintext) > maxPlaintext {
		return Packet{}, fmt.Errorf("%d bytes do not fit one miIO packet, which holds %d", len(plaintext), maxPlaintext)
	}
	padding := aes.BlockSize - len(plaintext)%aes.BlockSize
	body := append(bytes.Clone(plaintext), bytes.Repeat([]byte{byte(padding)}, padding)...)
	block, iv := token.cipher()
	cipher.NewCBCEncrypter(block, iv).CryptBlocks(body, body)
	packet := Packet{Device: device, Stamp: stamp, Body: body}
	packet.Checksum = packet.sum(token)
	return packet, nil
}

// Open verifies the checksum, decrypts the body and returns the plaintext. The
// error is [ErrChecksum] when the token is not the one it was sealed with.
func (p Packet) Open(token Token) ([]byte, error) {
	if len(p.Body) == 0 {
		return nil, errors.New("the miIO packet has no body")
	}
	if p.Checksum != p.sum(token) {
		return nil, ErrChecksum
	}
	if len(p.Body)%aes.BlockSize != 0 {
		return nil, fmt.Errorf("the miIO packet's body of %d bytes is not whole blocks of %d", len(p.Body), aes.BlockSize)
	}
	plaintext := make([]byte, len(p.Body))
	block, iv := token.cipher()
	cipher.NewCBCDecrypter(block, iv).CryptBlocks(plaintext, p.Body)
	return unpad(plaintext)
}

// unpad removes PKCS #7 padding.
func unpad(plaintext []byte) ([]byte, error) {
	padding := int(plaintext[len(plaintext)-1])
	end := len(plaintext) - padding
	if padding == 0 || padding > aes.BlockSize || bytes.Count(plaintext[end:], []byte{byte(padding)}) != padding {
		return nil, errors.New("the miIO packet's padding is broken")
	}
	return plaintext[:end], nil
}

// sum is MD5 over header, token and body.
func (p Packet) sum(token Token) [16]byte {
	return md5.Sum(append(append(p.header(), token.bytes()...), p.Body...))
}

// cipher is AES-128-CBC's: key = MD5(token), iv = MD5(key, token).
func (t Token) cipher() (block cipher.Block, iv []byte) {
	key := md5.Sum(t.bytes())
	vector := md5.Sum(append(key[:], t.bytes()...))
	block, err := aes.NewCipher(key[:])
	if err != nil {
		panic(err) // MD5 gives 16 bytes, which is a key size of AES
	}
	return block, vector[:]
}

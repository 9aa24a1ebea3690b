//! SHA-256, HMAC-SHA-256 and hexadecimal digits. The functions are ring's, which is there for TLS.

use std::fmt;

use ring::{digest, hmac};

/// Bytes of a digest.
pub const LENGTH: usize = digest::SHA256_OUTPUT_LEN;

/// The SHA-256 digest of these parts, one after the other.
pub fn sha256<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> [u8; LENGTH] {
    let mut context = digest::Context::new(&digest::SHA256);
    for part in parts {
        context.update(part);
    }
    to_array(context.finish().as_ref())
}

/// A key for HMAC-SHA-256; making one costs as much as a signature.
#[derive(Clone)]
pub struct MacKey(hmac::Key);

impl fmt::Debug for MacKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("MacKey")
    }
}

impl MacKey {
    /// The key of these bytes, of which there may be any number.
    pub fn new(secret: &[u8]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, secret))
    }

    /// The code of a message.
    pub fn sign(&self, message: &[u8]) -> [u8; LENGTH] {
        to_array(hmac::sign(&self.0, message).as_ref())
    }

    /// The code of a list of fields, the length of each before it, so that no two lists read the same.
    pub fn sign_fields(&self, fields: &[&[u8]]) -> [u8; LENGTH] {
        let mut context = hmac::Context::with_key(&self.0);
        for field in fields {
            context.update(&(field.len() as u64).to_le_bytes());
            context.update(field);
        }
        to_array(context.sign().as_ref())
    }
}

/// Lower-case hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    let digit = |value: u8| char::from_digit(u32::from(value), 16).unwrap_or_default();
    let mut text = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        text.push(digit(byte >> 4));
        text.push(digit(byte & 0xf));
    }
    text
}

/// Digests of SHA-256 have this length, so that the conversion cannot fail.
fn to_array(digest: &[u8]) -> [u8; LENGTH] {
    digest.try_into().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_are_those_of_the_standard() {
        // FIPS 180-2, appendix B.1.
        let expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(hex(&sha256([b"abc".as_slice()])), expected);
        assert_eq!(hex(&sha256([b"a".as_slice(), b"", b"bc"])), expected);
    }

    #[test]
    fn codes_are_those_of_the_standard() {
        // RFC 4231, test case 2.
        let code = MacKey::new(b"Jefe").sign(b"what do ya want for nothing?");
        let expected = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
        assert_eq!(hex(&code), expected);
    }

    #[test]
    fn the_lengths_of_fields_tell_lists_apart() {
        let key = MacKey::new(b"secret");
        assert_ne!(
            key.sign_fields(&[b"ab", b"c"]),
            key.sign_fields(&[b"a", b"bc"])
        );
        assert_eq!(key.sign_fields(&[b"ab"]), key.sign(b"\x02\0\0\0\0\0\0\0ab"));
    }
}

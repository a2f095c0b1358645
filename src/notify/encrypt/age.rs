//! A file that the `age` tool opens, in its armor: age-encryption.org/v1.
//!
//! ```text
//!   -----BEGIN AGE ENCRYPTED FILE-----
//!   base64, 64 characters a line:
//!       age-encryption.org/v1
//!       -> X25519 SHARE               for each recipient: the file key, for this key alone
//!       WRAPPED FILE KEY
//!       --- MAC                       of all above, by the file key
//!       nonce, chunk, chunk, …        64 KiB of text each, and 16 bytes of tag
//!   -----END AGE ENCRYPTED FILE-----
//! ```
//!
//! By the primitives of ring, which TLS brings anyway; the order of the steps is all that is ours. A leaf:
//! it knows nothing of services, and what is random is an argument. It only encrypts: nothing
//! here, and so nothing in the daemon, can read what was sent.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, Nonce, UnboundKey};
use ring::agreement::{EphemeralPrivateKey, UnparsedPublicKey, X25519, agree_ephemeral};
use ring::error::Unspecified;
use ring::rand::SecureRandom;
use ring::{hkdf, hmac};

use super::bech32;

const BEGIN: &str = "-----BEGIN AGE ENCRYPTED FILE-----\n";
const END: &str = "-----END AGE ENCRYPTED FILE-----";
const VERSION: &str = "age-encryption.org/v1\n";

/// Characters of base64 in a full line of the armor (RFC 7468), and the bytes that they stand for.
const LINE_CHARS: usize = 64;
const LINE_BYTES: usize = LINE_CHARS / 4 * 3;

/// Text is encrypted in pieces of this size, each with a tag.
const CHUNK_BYTES: usize = 64 * 1024;
const TAG_BYTES: usize = 16;
const FILE_KEY_BYTES: usize = 16;
const NONCE_BYTES: usize = 16;

/// 32 bytes in base64 without padding: a share, a wrapped file key, a MAC.
const KEY_CHARS: usize = 43;
const STANZA_BYTES: usize = "-> X25519 \n\n".len() + 2 * KEY_CHARS;
const MAC_BYTES: usize = "--- \n".len() + KEY_CHARS;

/// A public key to which text is encrypted.
#[derive(Clone, Debug, PartialEq)]
pub struct Recipient {
    text: String,
    key: [u8; 32],
}

/// Why a text is no recipient. The text itself is in none of them: it may be a secret.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Error {
    /// `AGE-SECRET-KEY-1…`, or another identity.
    Secret,
    /// It begins like a recipient, and its checksum is wrong.
    Mistyped,
    /// A key of another kind that age has, or a plugin of it.
    OtherKind,
    /// `ssh-ed25519 …`.
    Ssh,
    /// A number on which nothing secret can be agreed.
    Weak,
    /// Something else.
    Unknown,
}

impl std::fmt::Display for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Error::Secret => {
                "is a secret key, with which all can be read: take it out (expected the age1… that belongs to it: age-keygen -y)"
            }
            Error::Mistyped => "is mistyped: its checksum is wrong (expected age1… as age-keygen prints it)",
            Error::OtherKind => {
                "is post-quantum or for a plugin, which is not supported (expected age1… of 62 characters)"
            }
            Error::Ssh => "is an SSH key, which is not supported (expected age1…: age-keygen)",
            Error::Weak => "is a number that protects nothing (expected age1… as age-keygen prints it)",
            Error::Unknown => "is not an age recipient (expected age1…)",
        })
    }
}

impl Recipient {
    /// Reads `age1…`.
    pub fn parse(text: &str, random: &dyn SecureRandom) -> Result<Recipient, Error> {
        let lower = text.to_ascii_lowercase();
        if lower.contains("age-secret-key-") || lower.contains("age-plugin-") {
            return Err(Error::Secret);
        }
        if ["ssh-", "ecdsa-", "sk-ssh-", "sk-ecdsa-"].iter().any(|start| lower.starts_with(start)) {
            return Err(Error::Ssh);
        }
        let Some((prefix, bytes)) = bech32::decode(text) else {
            let begins_well = text.starts_with("age1");
            return Err(if begins_well { Error::Mistyped } else { Error::Unknown });
        };
        if prefix.starts_with("age1") {
            return Err(Error::OtherKind);
        }
        let key = bytes.try_into().ok().filter(|_| prefix == "age").ok_or(Error::Unknown)?;
        let recipient = Recipient { text: text.to_owned(), key };
        // Of a few numbers each agreement is zero, and so known to everybody. ring refuses that
        // with any share, so one try tells now what would otherwise fail with each alert.
        match stanza(&recipient, &[0; FILE_KEY_BYTES], random) {
            Ok(_) => Ok(recipient),
            Err(Unspecified) => Err(Error::Weak),
        }
    }
}

impl std::fmt::Display for Recipient {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.text)
    }
}

/// The longest text, in bytes, whose file takes at most `armor_chars_max` characters, and None if there is none.
pub fn text_bytes_max(armor_chars_max: usize, recipients: usize) -> Option<usize> {
    let room = armor_chars_max.checked_sub(BEGIN.len() + END.len())?;
    // Base64 comes in fours, and each line, the last one too, ends with a line feed.
    let (lines, rest) = (room / (LINE_CHARS + 1), room % (LINE_CHARS + 1));
    let file = lines * LINE_BYTES + rest.saturating_sub(1) / 4 * 3;
    let header = VERSION.len() + recipients.checked_mul(STANZA_BYTES)? + MAC_BYTES;
    let chunks = file.checked_sub(header + NONCE_BYTES)?;
    let (full, rest) = (chunks / (CHUNK_BYTES + TAG_BYTES), chunks % (CHUNK_BYTES + TAG_BYTES));
    match rest.checked_sub(TAG_BYTES) {
        Some(rest) => Some(full * CHUNK_BYTES + rest),
        None if full > 0 => Some(full * CHUNK_BYTES),
        None => None,
    }
}

/// `text` as an armored file that each of the `recipients` can open, without a line feed at its end.
///
/// # Errors
/// When there are no random numbers.
pub fn encrypt(
    text: &[u8],
    recipients: &[Recipient],
    random: &dyn SecureRandom,
) -> Result<String, Unspecified> {
    let mut file_key = [0; FILE_KEY_BYTES];
    random.fill(&mut file_key)?;
    let mut header = VERSION.to_owned();
    for recipient in recipients {
        header.push_str(&stanza(recipient, &file_key, random)?);
    }
    header.push_str("---");
    let mac_key = hmac::Key::new(hmac::HMAC_SHA256, &derive(&file_key, &[], b"header")?);
    let mac = hmac::sign(&mac_key, header.as_bytes());
    header.push_str(&format!(" {}\n", STANDARD_NO_PAD.encode(mac)));

    let mut nonce = [0; NONCE_BYTES];
    random.fill(&mut nonce)?;
    let mut file = header.into_bytes();
    file.extend(nonce);
    let key = sealing(&derive(&file_key, &nonce, b"payload")?)?;
    let mut chunks = text.chunks(CHUNK_BYTES).peekable();
    let mut counter = 0_u64;
    loop {
        // A text of nothing is one chunk of nothing; no other chunk is empty.
        let chunk = chunks.next().unwrap_or_default();
        let is_last = chunks.peek().is_none();
        let mut nonce = [0; 12];
        let count = counter.to_be_bytes().into_iter().chain([u8::from(is_last)]);
        nonce.iter_mut().skip(3).zip(count).for_each(|(to, byte)| *to = byte);
        seal(&key, nonce, chunk, &mut file)?;
        if is_last {
            break;
        }
        counter += 1;
    }
    Ok(armor(&file))
}

/// The file key for one recipient: two lines of the header.
fn stanza(
    recipient: &Recipient,
    file_key: &[u8; FILE_KEY_BYTES],
    random: &dyn SecureRandom,
) -> Result<String, Unspecified> {
    let own = EphemeralPrivateKey::generate(&X25519, random)?;
    let share = own.compute_public_key()?;
    let salt = [share.as_ref(), &recipient.key].concat();
    let theirs = UnparsedPublicKey::new(&X25519, &recipient.key);
    let key =
        agree_ephemeral(own, &theirs, |agreed| derive(agreed, &salt, b"age-encryption.org/v1/X25519"))??;
    let mut wrapped = Vec::with_capacity(FILE_KEY_BYTES + TAG_BYTES);
    // The key is used this once, so the specification has no other nonce.
    seal(&sealing(&key)?, [0; 12], file_key, &mut wrapped)?;
    let [share, wrapped] = [share.as_ref(), &wrapped].map(|bytes| STANDARD_NO_PAD.encode(bytes));
    Ok(format!("-> X25519 {share}\n{wrapped}\n"))
}

/// HKDF-SHA-256, 32 bytes.
fn derive(secret: &[u8], salt: &[u8], purpose: &[u8]) -> Result<[u8; 32], Unspecified> {
    let mut key = [0; 32];
    let extracted = hkdf::Salt::new(hkdf::HKDF_SHA256, salt).extract(secret);
    extracted.expand(&[purpose], hkdf::HKDF_SHA256)?.fill(&mut key)?;
    Ok(key)
}

fn sealing(key: &[u8; 32]) -> Result<LessSafeKey, Unspecified> {
    UnboundKey::new(&CHACHA20_POLY1305, key).map(LessSafeKey::new)
}

/// Adds `plain`, encrypted, and its tag to `sealed`.
fn seal(key: &LessSafeKey, nonce: [u8; 12], plain: &[u8], sealed: &mut Vec<u8>) -> Result<(), Unspecified> {
    let mut chunk = plain.to_vec();
    let nonce = Nonce::assume_unique_for_key(nonce);
    let tag = key.seal_in_place_separate_tag(nonce, Aad::empty(), &mut chunk)?;
    sealed.extend(chunk);
    sealed.extend(tag.as_ref());
    Ok(())
}

fn armor(file: &[u8]) -> String {
    let mut armor = BEGIN.to_owned();
    for line in file.chunks(LINE_BYTES) {
        STANDARD.encode_string(line, &mut armor);
        armor.push('\n');
    }
    armor.push_str(END);
    armor
}

#[cfg(test)]
mod tests {
    use super::*;
    use ring::rand::SystemRandom;

    /// The specification's own example.
    const KEY: &str = "age1zvkyg2lqzraa2lnjvqej32nkuu0ues2s82hzrye869xeexvn73equnujwj";

    fn parse(text: &str) -> Result<Recipient, Error> {
        Recipient::parse(text, &SystemRandom::new())
    }

    #[test]
    fn what_is_no_recipient_is_called_what_it_is() {
        assert_eq!(parse(KEY).map(|recipient| recipient.to_string()), Ok(KEY.to_owned()));
        let check = |text: &str, expected| assert_eq!(parse(text), Err(expected), "{text}");
        let secret = "AGE-SECRET-KEY-1GFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPQ4EGAEX";
        check(secret, Error::Secret);
        check(&secret.to_lowercase(), Error::Secret);
        check(&format!("'{secret}'"), Error::Secret);
        check("AGE-SECRET-KEY-PQ-1XX76", Error::Secret);
        check("AGE-PLUGIN-YUBIKEY-1GKJ5CQ", Error::Secret);
        check(&KEY.replace("zvk", "zkv"), Error::Mistyped);
        check(&KEY[..KEY.len() - 1], Error::Mistyped);
        check(&format!("{KEY}q"), Error::Mistyped);
        check("age1tag1qt8lw0ual6avlwmwatk888yqnmdamm7xfd0wak53ut6elz5c4swx2yqdj4e", Error::OtherKind);
        check("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIPx", Error::Ssh);
        check(
            "age1pq1qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqsugwwr",
            Error::OtherKind,
        );
        for unknown in [
            "x",
            "age1qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqar9jk6",
            "ann@example.net",
            &KEY.to_uppercase(),
            "a12uel5l",
            "0x01",
        ] {
            check(unknown, Error::Unknown);
        }
        // The bytes of 0: whatever is agreed with it is 0.
        check("age1qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqq5cu47z", Error::Weak);
    }

    #[test]
    fn the_room_is_what_fits_and_not_a_byte_less() {
        let random = SystemRandom::new();
        let recipients = vec![parse(KEY).unwrap(); 3];
        let length = |bytes: usize, recipients: &[Recipient]| {
            encrypt(&vec![0; bytes], recipients, &random).unwrap().len()
        };
        let smallest = length(0, &recipients[..1]);
        assert_eq!((text_bytes_max(smallest - 1, 1), text_bytes_max(0, 1)), (None, None));
        let two_chunks = length(CHUNK_BYTES + 1, &recipients[..1]);
        for chars in (smallest..smallest + 200).chain(two_chunks - 50..two_chunks + 100) {
            let room = text_bytes_max(chars, 1).unwrap();
            let (fits, more) = (length(room, &recipients[..1]), length(room + 1, &recipients[..1]));
            assert!(fits <= chars && more > chars, "{room} bytes take {fits} and {more} of {chars}");
        }
        for count in 1..=3 {
            let room = text_bytes_max(2000, count).unwrap();
            assert!(length(room, &recipients[..count]) <= 2000);
            assert!(length(room + 1, &recipients[..count]) > 2000);
        }
        assert_eq!(text_bytes_max(2000, usize::MAX), None);
    }

    #[test]
    fn no_file_is_like_another() {
        let recipients = [parse(KEY).unwrap()];
        let encrypt = || encrypt(b"the same", &recipients, &SystemRandom::new()).unwrap();
        let (one, other) = (encrypt(), encrypt());
        let body = |armor: &str| armor.lines().skip(2).map(str::to_owned).collect::<Vec<_>>();
        assert!(
            body(&one).iter().zip(body(&other)).filter(|(a, _)| !a.starts_with('-')).all(|(a, b)| *a != b)
        );
    }
}

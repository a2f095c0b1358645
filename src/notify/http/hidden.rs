//! What an answer may repeat of a request, and our words about it may not.
//!
//! ```text
//!   request  POST /services/T0AAAAAAA/B0AAAAAAA/s3cr3ts3cr3t
//!   answer   404 Cannot POST /services/T0AAAAAAA/B0AAAAAAA/s3cr3ts3cr3t
//!   we say   404 Cannot POST (hidden)
//! ```
//!
//! Many servers repeat the path when they have no such page, and what we say
//! goes into a log and, as a self-alert, to other services. Apart, because it
//! knows nothing of services: what is secret in a URL nobody can tell, so all of
//! it is hidden, whole and in its parts, for a server may quote a part alone or
//! escape what joins them. It hides nothing from a server, which has the secret.

use std::fmt;

use super::Request;
use crate::secret::Secret;

/// Shorter parts than this are ordinary words (`api`, `hook`), and no secret that
/// is worth its name. Longer words are hidden in vain, which does no harm.
const PART_BYTES_MIN: usize = 8;

/// The parts of a request that are not to be shown, the longest first.
#[derive(Clone, Default)]
pub struct Hidden(Vec<String>);

impl fmt::Debug for Hidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Hidden")
    }
}

impl Hidden {
    /// All of the URL but the host, what the headers hold, and what is said to be secret.
    pub fn of(request: &Request) -> Hidden {
        let url = request.url.expose();
        let after_scheme = url.split_once("://").map_or(url, |(_, rest)| rest);
        let (authority, path) = match after_scheme.find(['/', '?']) {
            Some(at) => after_scheme.split_at(at),
            None => (after_scheme, ""),
        };
        let user = authority.rsplit_once('@').map_or("", |(user, _)| user);
        let wholes = [user, path, path.split('?').next().unwrap_or_default()];
        let of_url = wholes.into_iter().flat_map(|whole| [whole].into_iter().chain(whole.split(is_joint)));
        // Of which type it was is no secret, and what an answer may be about.
        let headers = request.headers.iter().filter(|(name, _)| !name.eq_ignore_ascii_case("content-type"));
        let of_headers = headers.flat_map(|(_, value)| value.split(' ').chain([value.as_str()]));
        let of_service = request.secrets.iter().map(Secret::expose);
        let mut parts: Vec<String> = Vec::new();
        for part in of_url.chain(of_headers).chain(of_service) {
            parts.push(part.to_owned());
            parts.push(percent_decoded(part));
        }
        parts.retain(|part| part.len() >= PART_BYTES_MIN);
        parts.sort_by(|a, b| b.len().cmp(&a.len()).then(a.cmp(b)));
        parts.dedup();
        Hidden(parts)
    }

    /// `text` without any of it.
    pub fn hide(&self, text: &str) -> String {
        self.0.iter().fold(text.to_owned(), |text, part| text.replace(part, "(hidden)"))
    }
}

fn is_joint(c: char) -> bool {
    "/?&=:;".contains(c)
}

/// `text` with each %XX as the byte that it stands for.
pub(super) fn percent_decoded(text: &str) -> String {
    let mut pieces = text.split('%');
    let mut bytes = pieces.next().unwrap_or_default().as_bytes().to_vec();
    for piece in pieces {
        match piece.get(..2).map(|digits| u8::from_str_radix(digits, 16)) {
            Some(Ok(byte)) => {
                bytes.push(byte);
                bytes.extend_from_slice(piece.as_bytes().get(2..).unwrap_or_default());
            }
            _ => {
                bytes.push(b'%');
                bytes.extend_from_slice(piece.as_bytes());
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::super::Url;
    use super::*;

    #[track_caller]
    fn check(url: &str, answer: &str, expected: &str) {
        let mut request = Request::get(Url::parse(url).unwrap());
        request.headers.push(("authorization".into(), "Bearer to-ken-to-ken".to_owned()));
        assert_eq!(Hidden::of(&request).hide(answer), expected);
    }

    #[test]
    fn a_url_is_hidden_whole_and_in_its_parts() {
        let slack = "https://hooks.slack.com/services/T0AAAAAAA/B0AAAAAAA/s3cr3ts3cr3t";
        check(slack, "Cannot POST /services/T0AAAAAAA/B0AAAAAAA/s3cr3ts3cr3t", "Cannot POST (hidden)");
        check(slack, "no team T0AAAAAAA", "no team (hidden)");
        check(slack, r"{\/s3cr3ts3cr3t\/}", r"{\/(hidden)\/}");
        let telegram = "https://api.telegram.org/bot123456:AAAAAAAAAAAA/sendMessage";
        check(telegram, "bad token 123456:AAAAAAAAAAAA", "bad token 123456:(hidden)");
        let teams = "https://a.example/workflows/0a/run?sp=%2Frun%2Fall&amp;sig=AbCdEfGh%2B12";
        check(teams, "sig AbCdEfGh+12 AbCdEfGh%2B12", "sig (hidden) (hidden)");
        check("https://me:pass-word@h/", "me:pass-word@h", "(hidden)@h");
    }

    #[test]
    fn headers_are_hidden_and_plain_words_are_not() {
        check("http://h/", "Bearer to-ken-to-ken", "(hidden)");
        check("http://h/", "token=to-ken-to-ken", "token=(hidden)");
        check("http://h/api/hook?x=y", "no /api here", "no /api here");
        check("http://h/100%/%zz%e9-----", "100% %zz\u{fffd}-----", "100% (hidden)");
    }
}

//! E-mail addresses as certificates carry them.

use std::fmt;

/// Octets of an address, RFC 5321 section 4.5.3.1.3 without the angle brackets.
const MAX_LEN: usize = 254;
/// Octets of the part before the `@`, RFC 5321 section 4.5.3.1.1.
const MAX_LOCAL_LEN: usize = 64;

/// An address `local@domain` of printable ASCII, as an rfc822Name (RFC 5280 section 4.2.1.6) may hold it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct EmailAddress(String);

impl EmailAddress {
    /// The address in `text`, white space around it taken off; `None` when it is none.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let (local, domain) = text.rsplit_once('@')?;
        let fine = text.len() <= MAX_LEN
            && is_dot_atom(local)
            && local.len() <= MAX_LOCAL_LEN
            && is_host_name(domain);
        fine.then(|| Self(text.to_owned()))
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for EmailAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// RFC 5322 section 3.2.3; quoted local parts are not taken.
fn is_dot_atom(text: &str) -> bool {
    let is_atom_char = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-/=?^_`{|}~".contains(c);
    text.split('.')
        .all(|atom| !atom.is_empty() && atom.chars().all(is_atom_char))
}

fn is_host_name(text: &str) -> bool {
    text.split('.').all(|label| {
        (1..=63).contains(&label.len())
            && label.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    })
}

#[cfg(test)]
mod tests {
    use super::EmailAddress;

    #[test]
    fn addresses() {
        for fine in [
            "ada@example.org",
            " ada.l+git@example.org ",
            "root@localhost",
            "o'hara@a-b.example",
        ] {
            assert_eq!(EmailAddress::parse(fine).unwrap().as_str(), fine.trim());
        }
    }

    #[test]
    fn no_addresses() {
        let long_local = format!("{}@example.org", "a".repeat(65));
        let long = format!("a@{}", "example.".repeat(40));
        for bad in [
            "",
            "ada",
            "@example.org",
            "ada@",
            "a@b@c",
            "ada@-example.org",
            "ada..l@example.org",
            "ada@exa mple.org",
            "ada@example..org",
            "ada\r\n@example.org",
            "<b>@example.org",
            "\"ada\"@example.org",
            "äda@example.org",
            &long_local,
            &long,
        ] {
            assert_eq!(EmailAddress::parse(bad), None, "{bad}");
        }
    }
}

//! The URLs of an instance. They follow the listener; the names its logs sign under do not.

use std::net::SocketAddr;

/// The URLs of an instance.
#[derive(Debug, Clone)]
pub struct Endpoints {
    address: SocketAddr,
    id: String,
}

impl Endpoints {
    pub(crate) fn new(address: SocketAddr, id: &str) -> Self {
        Self {
            address,
            id: id.to_owned(),
        }
    }

    /// `http://127.0.0.1:PORT`, under which CA, log and the trust files are found.
    pub fn base(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The OIDC issuer, the `iss` of its tokens and the issuer in certificates.
    pub fn issuer(&self) -> String {
        format!("{}/oidc", self.base())
    }

    /// The full URL that timestamp requests are posted to.
    pub fn tsa(&self) -> String {
        format!("{}/api/v1/timestamp", self.base())
    }

    /// The name the signature log signs its checkpoints under.
    ///
    /// It belongs to the instance and not to the port, or a restart elsewhere would orphan every proof.
    pub fn log_origin(&self) -> String {
        format!("log-1-{}.signhere.localhost", self.id)
    }

    /// The name the CT log signs its checkpoints under: a submission prefix without scheme (C2SP static-ct-api).
    pub fn ct_origin(&self) -> String {
        format!("ct-1-{}.signhere.localhost", self.id)
    }

    /// A log's URL as trusted roots name it.
    ///
    /// It has no port: clients take the origin from it, some with the port and some without, and it has to
    /// stay the same wherever the instance listens. Where to send entries is said by the signing config.
    pub fn log_identity(origin: &str) -> String {
        format!("http://{origin}")
    }

    /// Whether a `Host` or the authority of an `Origin` names this instance.
    ///
    /// A page that points its own name at loopback (DNS rebinding) is told apart by this alone.
    pub(crate) fn is_own_authority(&self, authority: &str) -> bool {
        let port = self.address.port();
        let (host, named_port) = match authority.rsplit_once(':') {
            Some((host, digits)) if !digits.contains(']') => (host, digits.parse::<u16>().ok()),
            _ => (authority, Some(80)),
        };
        if named_port != Some(port) {
            return false;
        }
        let host = host.to_ascii_lowercase();
        matches!(host.as_str(), "localhost" | "127.0.0.1" | "[::1]")
            || host == self.log_origin()
            || host == self.ct_origin()
            || host == self.address.ip().to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::Endpoints;

    #[test]
    fn only_its_own_names_are_its_authority() {
        let endpoints = Endpoints::new("127.0.0.1:4711".parse().unwrap(), "0a1b");
        for own in [
            "127.0.0.1:4711",
            "localhost:4711",
            "[::1]:4711",
            "LOG-1-0a1b.signhere.localhost:4711",
        ] {
            assert!(endpoints.is_own_authority(own), "{own}");
        }
        for other in [
            "127.0.0.1",
            "localhost:80",
            "example.org:4711",
            "localhost.example.org:4711",
            "",
            "[::1]",
            "127.0.0.1:4711x",
        ] {
            assert!(!endpoints.is_own_authority(other), "{other}");
        }
    }
}

//! The URLs of an instance. They follow the listener; the names its logs sign under do not.

use std::net::{IpAddr, SocketAddr};

use crate::config::InstanceConfig;

/// The URLs of an instance.
#[derive(Debug, Clone)]
pub struct Endpoints {
    base: String,
    address: SocketAddr,
    /// The host and port in `base`, when they are not those of the listener.
    public: Option<(String, u16)>,
    id: String,
}

impl Endpoints {
    pub(crate) fn new(config: &InstanceConfig, id: &str) -> Self {
        let url = config.url.as_ref();
        let public = url.and_then(|url| {
            let host = url.host_str()?.to_ascii_lowercase();
            Some((host, url.port_or_known_default()?))
        });
        Self {
            base: config.base(),
            address: config.address,
            public,
            id: id.to_owned(),
        }
    }

    /// `http://127.0.0.1:PORT`, under which CA, log and the trust files are found.
    pub fn base(&self) -> String {
        self.base.clone()
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
        match origin.ends_with(".localhost") {
            true => format!("http://{origin}"),
            false => format!("https://{origin}"),
        }
    }

    /// Whether the `Host` of a request names this instance.
    ///
    /// A page that points its own name at loopback (DNS rebinding) is told apart by this alone. It can do so
    /// with names only: an address as the host is what the caller has really connected to.
    pub(crate) fn is_own_authority(&self, authority: &str) -> bool {
        let (host, named_port) = match authority.rsplit_once(':') {
            Some((host, digits)) if !digits.contains(']') => match digits.parse::<u16>() {
                Ok(port) => (host, Some(port)),
                Err(_) => return false,
            },
            _ => (authority, None),
        };
        let host = host.to_ascii_lowercase();
        let scheme_port = if self.base.starts_with("https:") {
            443
        } else {
            80
        };
        let port = named_port.unwrap_or(scheme_port);
        if let Some((public, public_port)) = &self.public
            && port == *public_port
            && (host == *public || host.strip_suffix(public).is_some_and(|h| h.ends_with('.')))
        {
            return true;
        }
        port == self.address.port() && self.is_own_host(&host)
    }

    /// Whether the `Origin` of a request is this instance's own.
    pub(crate) fn is_own_origin(&self, origin: &str) -> bool {
        let (own_scheme, _) = self.base.split_once("://").unwrap_or_default();
        match origin.split_once("://") {
            Some((scheme, authority)) => scheme == own_scheme && self.is_own_authority(authority),
            None => false,
        }
    }

    /// Whether a host in lower case names the listener.
    fn is_own_host(&self, host: &str) -> bool {
        let address = host.trim_start_matches('[').trim_end_matches(']');
        host == "localhost"
            || host.ends_with(&format!("-{}.signhere.localhost", self.id))
            || address.parse::<IpAddr>().is_ok_and(|ip| {
                let own = self.address.ip();
                ip.is_loopback() || own.is_unspecified() || ip == own
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_its_own_names_are_its_authority() {
        let config = InstanceConfig::new("127.0.0.1:4711".parse().unwrap());
        let endpoints = Endpoints::new(&config, "0a1b");
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
            "192.0.2.1:4711",
            "evil-0a1b.signhere.localhost.example:4711",
        ] {
            assert!(!endpoints.is_own_authority(other), "{other}");
        }
    }
    #[test]
    fn behind_a_public_name_that_name_is_its_own_as_well() {
        let mut config = InstanceConfig::new("0.0.0.0:4711".parse().unwrap());
        config.url = Some("https://sigstore.example.org".parse().unwrap());
        let endpoints = Endpoints::new(&config, "0a1b");
        assert_eq!(endpoints.issuer(), "https://sigstore.example.org/oidc");
        for own in [
            "sigstore.example.org",
            "SIGSTORE.example.org:443",
            "log-1.sigstore.example.org",
            "localhost:4711",
            "192.0.2.1:4711",
        ] {
            assert!(endpoints.is_own_authority(own), "{own}");
        }
        for other in [
            "sigstore.example.org:80",
            "sigstore.example.org:4711",
            "evilsigstore.example.org",
            "example.org",
            "192.0.2.1",
        ] {
            assert!(!endpoints.is_own_authority(other), "{other}");
        }
        assert!(endpoints.is_own_origin("https://sigstore.example.org"));
        assert!(!endpoints.is_own_origin("http://sigstore.example.org"));
        assert!(!endpoints.is_own_origin("null"));
    }
}

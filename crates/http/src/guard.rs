//! Where a request may go: which URLs, which redirects, which addresses.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

use reqwest::{
    dns::{Addrs, Name, Resolve, Resolving},
    header::HeaderValue,
};
use url::{Host, Url};

use super::{HttpError, shown};

/// Who named the URL, which decides where it may lead.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Destination {
    /// The user, the instance's configuration or the platform we run on: `http` and `https`
    /// anywhere.
    Configured,
    /// A document that was itself fetched from `from`: the same scheme only, and no private
    /// address, unless it is the host of `from` itself or `from` is this machine.
    Learned {
        /// Where the document came from.
        from: Url,
    },
    /// Somebody whom nothing vouches for, such as the bearer of a token: `https`, and no private address ever.
    Untrusted,
}

/// By which connection pool a permitted URL is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Route {
    Plain,
    Tls,
    TlsPublicOnly,
}

impl Destination {
    pub(super) fn route(&self, url: &Url) -> Result<Route, HttpError> {
        let route = match url.scheme() {
            "https" => Route::Tls,
            "http" => Route::Plain,
            _ => return Err(HttpError::InsecureUrl { url: shown(url) }),
        };
        let from = match self {
            Self::Configured => return Ok(route),
            Self::Learned { from } => from,
            Self::Untrusted if is_private(url) => {
                return Err(HttpError::PrivateAddress { url: shown(url) });
            }
            Self::Untrusted => return public_only(route, url),
        };
        if url.scheme() != from.scheme() {
            return Err(HttpError::SchemeChanged {
                url: shown(url),
                expected: from.scheme().to_owned(),
            });
        }
        if url.host() == from.host() {
            return Ok(route);
        }
        if is_loopback(url) && is_loopback(from) {
            return Ok(route);
        }
        if is_private(url) {
            return Err(HttpError::PrivateAddress { url: shown(url) });
        }
        public_only(route, url)
    }
}

/// The route on which every name is resolved to public addresses, which only `https` has.
fn public_only(route: Route, url: &Url) -> Result<Route, HttpError> {
    match route {
        Route::Plain => Err(HttpError::InsecureUrl { url: shown(url) }),
        _ => Ok(Route::TlsPublicOnly),
    }
}

/// Whether the URL names a private address, without asking any name server.
fn is_private(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(address)) => !is_public(IpAddr::V4(address)),
        Some(Host::Ipv6(address)) => !is_public(IpAddr::V6(address)),
        Some(Host::Domain(_)) => is_loopback(url),
        None => true,
    }
}

/// Whether the URL names this machine, without asking any name server.
pub fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        Some(Host::Domain(name)) => {
            name.eq_ignore_ascii_case("localhost") || name.ends_with(".localhost")
        }
        None => false,
    }
}

/// The URL a redirect leads to, if it stays within the origin; else what it said.
pub(super) fn redirect_target(from: &Url, location: Option<&HeaderValue>) -> Result<Url, String> {
    let location = location.and_then(|value| value.to_str().ok()).unwrap_or("");
    match from.join(location) {
        Ok(next) if !location.is_empty() && next.origin() == from.origin() => Ok(next),
        _ => Err(location.chars().take(256).collect()),
    }
}

/// Resolves names as the system does, and refuses the name if any of its addresses is private:
/// a name that has one of each is made to confuse.
pub(super) struct PublicResolver;

impl Resolve for PublicResolver {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let addresses: Vec<_> = found.collect();
            if !addresses.iter().all(|address| is_public(address.ip())) {
                return Err(RefusedAddress.into());
            }
            let addresses: Addrs = Box::new(addresses.into_iter());
            Ok(addresses)
        })
    }
}

/// A name that leads to a private address.
#[derive(Debug)]
pub(super) struct RefusedAddress;

impl std::error::Error for RefusedAddress {}

impl fmt::Display for RefusedAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name leads to a private address")
    }
}

/// Whether an address may belong to a host on the Internet (RFC 6890 and its registries).
fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    let shared = a == 100 && (64..128).contains(&b);
    let protocol_assignments = (a, b, c) == (192, 0, 0);
    let benchmarking = a == 198 && (18..20).contains(&b);
    !(a == 0
        || a >= 224
        || shared
        || protocol_assignments
        || benchmarking
        || address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_documentation())
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let segments = address.segments();
    let global_unicast = segments[0] & 0xe000 == 0x2000;
    let documentation = segments[0] == 0x2001 && segments[1] == 0xdb8;
    let teredo = segments[0] == 0x2001 && segments[1] == 0;
    let six_to_four = segments[0] == 0x2002;
    if let Some(mapped) = address.to_ipv4_mapped() {
        return is_public_v4(mapped);
    }
    global_unicast && !documentation && !teredo && !six_to_four
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        Url::parse(text).unwrap()
    }

    fn learned(from: &str, to: &str) -> Result<Route, HttpError> {
        Destination::Learned { from: url(from) }.route(&url(to))
    }

    fn private(url: &str) -> Result<Route, HttpError> {
        Err(HttpError::PrivateAddress {
            url: url.to_owned(),
        })
    }

    #[test]
    fn configuration_may_name_any_web_address() {
        let route = |to| Destination::Configured.route(&url(to));
        assert_eq!(route("http://10.0.0.7/rekor"), Ok(Route::Plain));
        assert_eq!(route("https://10.0.0.7/rekor"), Ok(Route::Tls));
        let refused = HttpError::InsecureUrl {
            url: "ftp://host.example/".to_owned(),
        };
        assert_eq!(route("ftp://user:pass@host.example/"), Err(refused));
    }

    #[test]
    fn learned_addresses_keep_the_scheme() {
        assert_eq!(
            learned("https://issuer.example", "http://issuer.example/token"),
            Err(HttpError::SchemeChanged {
                url: "http://issuer.example/token".to_owned(),
                expected: "https".to_owned(),
            })
        );
    }

    #[test]
    fn learned_addresses_are_public_or_the_documents_own_host() {
        let issuer = "https://issuer.example";
        assert_eq!(learned(issuer, "https://issuer.example/t"), Ok(Route::Tls));
        assert_eq!(
            learned(issuer, "https://other.example/t"),
            Ok(Route::TlsPublicOnly)
        );
        for host in [
            "https://10.1.2.3/",
            "https://169.254.169.254/",
            "https://100.64.0.1/",
            "https://0.0.0.0/",
            "https://[::1]/",
            "https://[fd00::1]/",
            "https://[fe80::1]/",
            "https://[::ffff:127.0.0.1]/",
            "https://localhost/",
            "https://a.localhost/",
        ] {
            // The URL parser writes mapped addresses in hexadecimal.
            assert_eq!(learned(issuer, host), private(url(host).as_str()), "{host}");
        }
        assert_eq!(
            learned("http://10.0.0.7/oidc", "http://10.0.0.7/oidc/token"),
            Ok(Route::Plain)
        );
        assert_eq!(
            learned("http://10.0.0.7/oidc", "http://8.8.8.8/token"),
            Err(HttpError::InsecureUrl {
                url: "http://8.8.8.8/token".to_owned()
            })
        );
    }

    #[test]
    fn nobody_is_sent_to_a_private_address() {
        let route = |to| Destination::Untrusted.route(&url(to));
        assert_eq!(route("https://host.example/"), Ok(Route::TlsPublicOnly));
        for private in [
            "https://10.0.0.1/",
            "http://127.0.0.1:8080/",
            "https://[fe80::1]/",
        ] {
            let refused = HttpError::PrivateAddress {
                url: url(private).into(),
            };
            assert_eq!(route(private), Err(refused));
        }
        let plain = HttpError::InsecureUrl {
            url: "http://host.example/".to_owned(),
        };
        assert_eq!(route("http://host.example/"), Err(plain));
    }

    #[test]
    fn an_issuer_on_this_machine_may_name_this_machine() {
        assert_eq!(
            learned("http://localhost:8080/oidc", "http://127.0.0.1:8080/token"),
            Ok(Route::Plain)
        );
        assert_eq!(
            learned("http://localhost:8080/oidc", "http://10.0.0.1/token"),
            private("http://10.0.0.1/token")
        );
    }

    #[test]
    fn redirects_stay_within_the_origin() {
        let from = url("https://host.example/a/b");
        let target = |to: &'static str| redirect_target(&from, Some(&HeaderValue::from_static(to)));
        assert_eq!(target("../c"), Ok(url("https://host.example/c")));
        assert_eq!(
            target("https://other.example/"),
            Err("https://other.example/".to_owned())
        );
        assert_eq!(
            target("http://host.example/"),
            Err("http://host.example/".to_owned())
        );
        assert_eq!(redirect_target(&from, None), Err(String::new()));
    }

    #[tokio::test]
    async fn names_of_private_addresses_are_not_resolved() {
        let name = "localhost".parse().unwrap();
        let refused = PublicResolver.resolve(name).await.err().unwrap();
        assert!(refused.is::<RefusedAddress>(), "{refused}");
    }
}

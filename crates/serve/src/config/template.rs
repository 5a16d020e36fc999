//! The configuration file that a new instance gets.

use std::fmt::Write as _;
use std::net::SocketAddr;

use url::Url;

use super::file::LISTEN;

/// What a new instance's configuration file says; everything else is commented out.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Written {
    /// Where it listens.
    pub listen: SocketAddr,
    /// What clients reach it at, when that is not the listener's address.
    pub url: Option<Url>,
    /// Whether the development issuer is on.
    pub development: bool,
}

impl Default for Written {
    fn default() -> Self {
        Self {
            listen: LISTEN,
            url: None,
            development: false,
        }
    }
}

/// The text of a new `instance.toml`.
pub fn template(written: &Written) -> String {
    let mut text = HEAD.to_owned();
    // Writing to a string cannot fail. Addresses and URLs have no quotes or backslashes.
    let _ = writeln!(text, "listen = \"{}\"", written.listen);
    text.push_str(URL);
    let _ = match &written.url {
        Some(url) => writeln!(text, "url = \"{}\"", url.as_str().trim_end_matches('/')),
        None => writeln!(text, "# url = \"https://sigstore.example.org\""),
    };
    text.push_str(ISSUERS);
    let _ = writeln!(text, "development = {}", written.development);
    text.push_str(REST);
    text
}

const HEAD: &str = r#"# A private Sigstore: `signhere serve` reads this file when it starts.
# A line that is commented out shows what holds without it, or an example (e.g.).
# Paths are relative to this folder. All keys: docs/reference/instance.toml.md

# Where to listen. --listen wins over it. Anything but this machine needs [tls],
# or a proxy in front that answers an https:// url.
"#;

const URL: &str = r"
# What clients reach the instance at, if not at the address above. Logs that
# begin later are named under this host. e.g.
";

const ISSUERS: &str = r"
[issuers]
# The development issuer believes whatever is typed into its login page: for
# trying things out on this machine only.
";

const REST: &str = r#"# Issuers that the CA believes, in Fulcio's own format. e.g.
# file = "fulcio-config.yaml"
# Where clients let people log in. e.g.
# login = "https://oauth2.example.org"

[tls]
# Both files are read again when they change. e.g.
# certificate = "tls.crt"
# key = "tls.key"

# Each service can be switched off, or be somebody else's: then clients are told
# of that one. `start` is the time since when it is trusted.
[ca]
# enabled = true
# e.g.
# external = { url = "https://fulcio.example.org", chain = "fulcio.pem", start = "2026-01-01T00:00:00Z" }

[ct]
# The CA needs one, its own or an external one that takes its root (RFC 6962: URL/ct/v1/add-pre-chain). e.g.
# enabled = true
# external = { url = "https://ct.example.org/2026", key = "ct.pub", start = "2026-01-01T00:00:00Z" }

[log]
# enabled = true
# e.g.
# external = { url = "https://rekor.example.org", key = "rekor.pub", start = "2026-01-01T00:00:00Z" }
# Which witnesses cosign checkpoints. e.g.
# witnesses = "witnesses.policy"
# How long they are waited for, and whether to publish without their quorum.
# witness_time = "5s"
# fail_open = false
# Where it is remembered how far each log had got, so that a restored older copy
# is noticed. Best on another disk. e.g.
# high_water = "/var/lib/signhere-high-water"

[tsa]
# enabled = true
# e.g.
# external = { url = "https://tsa.example.org/api/v1/timestamp", chain = "tsa.pem" }

[tuf]
# enabled = true

[witness]
# Cosign checkpoints of other logs. e.g.
# enabled = false
# logs = "witnessed.vkeys"

[rotation]
# How long clients are told of a new key before it signs.
# lead = "0s"

[limits]
# connections = 4096
# header_bytes = 131072
# handshake_time = "10s"
# header_time = "10s"
# request_time = "20s"
# drain_time = "10s"
# What one caller may ask, by address; `trusted_proxies` say in X-Forwarded-For who it is.
# connections_per_caller = 512
# requests_per_second = 200
# burst = 1000
# exempt = ["127.0.0.0/8", "::1"]
# trusted_proxies = []
# body_time = "10s"
# body_bytes = 67108864
# queue = 4096
# batch = 256

[metrics]
# An address of their own: /metrics is then answered there, in plain HTTP, and not at `listen`. e.g.
# listen = "127.0.0.1:9090"

[logging]
# "text" or "json"
# format = "text"
# Whether e-mail addresses may stand in it.
# emails = false
"#;

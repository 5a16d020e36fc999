//! What the keys and variables of gitsign, and our own, mean here.

use super::GitConfig;

/// What git's configuration and the environment say of signing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// The instance's name, URL or folder: `signhere.instance`.
    pub instance: Option<Source>,
    /// The trust file that alone decides: `signhere.trust`.
    pub trust_file: Option<Source>,
    /// Whether an agent keeps logins, where that is said: `signhere.agent`.
    pub agent: Option<bool>,
    /// The URL of the certificate authority, by which gitsign names an instance: `gitsign.fulcio`.
    pub authority: Option<Source>,
    /// The URL of the log: `gitsign.rekor`.
    pub log: Option<Source>,
    /// The URL of the timestamp authority: `gitsign.timestampServerURL`.
    pub timestamps: Option<Source>,
    /// Where people log in: `gitsign.issuer`.
    pub issuer: Option<Source>,
    /// How identity tokens are got: `gitsign.tokenProvider`.
    pub token_provider: Option<Source>,
    /// A file that failures are written to as well: `gitsign.logPath`.
    pub log_path: Option<Source>,
    /// Whether nothing is signed for a committer who is not the signer: `gitsign.matchCommitter`.
    pub match_committer: bool,
    /// What is set and means nothing here.
    pub unused: Vec<Unused>,
}

/// A value and where it is from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// The key or variable.
    pub name: String,
    /// What it says.
    pub value: String,
}

/// A key or variable that is set and means nothing here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unused {
    /// The key or variable.
    pub name: String,
    /// Why.
    pub why: &'static str,
}

/// A setting of gitsign's: the name of its key in lower case, its variables (the first counts more), and what becomes
/// of it.
struct Alias {
    key: &'static str,
    variables: &'static [&'static str],
    meaning: Meaning,
}

enum Meaning {
    Authority,
    Log,
    Timestamps,
    Issuer,
    TokenProvider,
    LogPath,
    MatchCommitter,
    Nothing(&'static str),
}

const BY_THE_INSTANCE: &str = "the instance's trusted root and signing config say it";
const BY_THE_LOGIN: &str = "the login at the instance's own issuer does without";
const BY_THE_BROWSER: &str = "the page of a login stays until it is closed";

const ALIASES: [Alias; 17] = [
    Alias::new(
        "fulcio",
        &["GITSIGN_FULCIO_URL", "SIGSTORE_FULCIO_URL"],
        Meaning::Authority,
    ),
    Alias::new(
        "rekor",
        &["GITSIGN_REKOR_URL", "SIGSTORE_REKOR_URL"],
        Meaning::Log,
    ),
    Alias::new(
        "timestampserverurl",
        &[
            "GITSIGN_TIMESTAMP_SERVER_URL",
            "SIGSTORE_TIMESTAMP_SERVER_URL",
        ],
        Meaning::Timestamps,
    ),
    Alias::new(
        "issuer",
        &["GITSIGN_OIDC_ISSUER", "SIGSTORE_OIDC_ISSUER"],
        Meaning::Issuer,
    ),
    Alias::new(
        "tokenprovider",
        &["GITSIGN_TOKEN_PROVIDER", "SIGSTORE_TOKEN_PROVIDER"],
        Meaning::TokenProvider,
    ),
    Alias::new("logpath", &["GITSIGN_LOG"], Meaning::LogPath),
    Alias::new(
        "matchcommitter",
        &["GITSIGN_MATCH_COMMITTER"],
        Meaning::MatchCommitter,
    ),
    Alias::new(
        "fulcioroot",
        &["GITSIGN_FULCIO_ROOT"],
        Meaning::Nothing(BY_THE_INSTANCE),
    ),
    Alias::new(
        "timestampcertchain",
        &[
            "GITSIGN_TIMESTAMP_CERT_CHAIN",
            "SIGSTORE_TIMESTAMP_CERT_CHAIN",
        ],
        Meaning::Nothing(BY_THE_INSTANCE),
    ),
    Alias::new(
        "rekorversion",
        &["GITSIGN_REKOR_VERSION"],
        Meaning::Nothing(BY_THE_INSTANCE),
    ),
    Alias::new(
        "rekormode",
        &["GITSIGN_REKOR_MODE"],
        Meaning::Nothing("the log entry is always embedded, as with gitsign's mode offline"),
    ),
    Alias::new(
        "clientid",
        &["GITSIGN_OIDC_CLIENT_ID", "SIGSTORE_OIDC_CLIENT_ID"],
        Meaning::Nothing(BY_THE_LOGIN),
    ),
    Alias::new(
        "clientsecretfile",
        &["GITSIGN_OIDC_CLIENT_SECRET_FILE"],
        Meaning::Nothing(BY_THE_LOGIN),
    ),
    Alias::new(
        "redirecturl",
        &["GITSIGN_OIDC_REDIRECT_URL", "SIGSTORE_OIDC_REDIRECT_URL"],
        Meaning::Nothing(BY_THE_LOGIN),
    ),
    Alias::new(
        "connectorid",
        &["GITSIGN_CONNECTOR_ID", "SIGSTORE_CONNECTOR_ID"],
        Meaning::Nothing(BY_THE_LOGIN),
    ),
    Alias::new(
        "autoclose",
        &["GITSIGN_AUTOCLOSE"],
        Meaning::Nothing(BY_THE_BROWSER),
    ),
    Alias::new(
        "autoclosetimeout",
        &["GITSIGN_AUTOCLOSE_TIMEOUT"],
        Meaning::Nothing(BY_THE_BROWSER),
    ),
];

impl Settings {
    /// Reads them. Our own keys count before gitsign's, gitsign's variables before its keys; `variable` returns a
    /// variable of the environment that is set and not empty.
    pub fn read(config: &GitConfig, variable: &dyn Fn(&str) -> Option<String>) -> Self {
        let key = |name: &str| {
            let value = config.value(name).filter(|value| !value.is_empty())?;
            Some(Source {
                name: name.to_owned(),
                value: value.to_owned(),
            })
        };
        let mut this = Self {
            instance: key("signhere.instance"),
            trust_file: key("signhere.trust"),
            agent: config.truth("signhere.agent"),
            ..Self::default()
        };
        for alias in &ALIASES {
            let mut variables = alias.variables.iter();
            let set = variables.find_map(|name| {
                Some(Source {
                    name: (*name).to_owned(),
                    value: variable(name)?,
                })
            });
            if let Some(found) = set.or_else(|| key(&format!("gitsign.{}", alias.key))) {
                this.take(&alias.meaning, found);
            }
        }
        this
    }

    fn take(&mut self, meaning: &Meaning, found: Source) {
        let place = match meaning {
            Meaning::Authority => &mut self.authority,
            Meaning::Log => &mut self.log,
            Meaning::Timestamps => &mut self.timestamps,
            Meaning::Issuer => &mut self.issuer,
            Meaning::TokenProvider => &mut self.token_provider,
            Meaning::LogPath => &mut self.log_path,
            Meaning::MatchCommitter => {
                let value = found.value.to_ascii_lowercase();
                self.match_committer = !matches!(value.as_str(), "false" | "no" | "off" | "0");
                return;
            }
            Meaning::Nothing(why) => {
                return self.unused.push(Unused {
                    name: found.name,
                    why,
                });
            }
        };
        *place = Some(found);
    }
}

impl Alias {
    const fn new(key: &'static str, variables: &'static [&'static str], meaning: Meaning) -> Self {
        Self {
            key,
            variables,
            meaning,
        }
    }
}

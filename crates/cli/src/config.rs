//! The configuration file: which instances have names, and which is used when
//! none is named; how long logins are kept.
//!
//! ```toml
//! instance = "work"
//!
//! [instances]
//! work = "https://sigstore.example.com"
//! mine = "/home/me/.signhere/instance"
//!
//! [agent]
//! enabled = true
//! idle_minutes = 120
//! lifetime_minutes = 600
//! ```

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;

use crate::error::CliError;
use crate::exit::Exit;
use crate::{env, files};

/// No configuration file is larger.
const LIMIT: u64 = 256 * 1024;

/// What the configuration file says.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub(crate) struct Config {
    /// The instance to use when none is named.
    pub(crate) instance: Option<String>,
    /// Names of instances, each a URL or a folder.
    #[serde(default)]
    pub(crate) instances: BTreeMap<String, String>,
    /// How logins are kept.
    #[serde(default)]
    pub(crate) agent: AgentConfig,
}

/// How logins are kept.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct AgentConfig {
    /// Whether an agent is started when a commit or a tag is signed.
    pub(crate) enabled: bool,
    /// Minutes after which a login that is not used ends.
    pub(crate) idle_minutes: u32,
    /// Minutes after which a login ends in any case.
    pub(crate) lifetime_minutes: u32,
}

impl Default for AgentConfig {
    fn default() -> Self {
        Self {
            enabled: true,
            idle_minutes: 2 * 60,
            lifetime_minutes: 10 * 60,
        }
    }
}

impl Config {
    /// The configuration in `named`, or in the user's own file, which may be
    /// absent.
    pub(crate) fn load(named: Option<&Path>) -> Result<Self, CliError> {
        let path = match named {
            Some(path) => path.to_owned(),
            None => match env::config_dir().map(|dir| dir.join("config.toml")) {
                Some(path) if path.exists() => path,
                _ => return Ok(Self::default()),
            },
        };
        Self::parse(&files::read_text(&path, LIMIT)?, &path)
    }

    fn parse(text: &str, path: &Path) -> Result<Self, CliError> {
        toml_edit::de::from_str(text).map_err(|error| {
            CliError::new(
                Exit::Failed,
                "SH-CONFIG",
                format!("{}: {}", path.display(), error.message()),
            )
            .mend("see docs/guide/sign-and-verify.md, section Instances")
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_instances() {
        let config = Config::parse(
            "instance = \"work\"\n[instances]\nwork = \"https://sigstore.example.com\"\n",
            Path::new("c"),
        )
        .unwrap();
        assert_eq!(config.instance.as_deref(), Some("work"));
        assert_eq!(config.instances["work"], "https://sigstore.example.com");
    }

    #[test]
    fn how_long_logins_are_kept() {
        let parse = |text| Config::parse(text, Path::new("c")).unwrap().agent;
        assert_eq!(parse(""), AgentConfig::default());
        let expected = AgentConfig {
            idle_minutes: 5,
            ..AgentConfig::default()
        };
        assert_eq!(parse("[agent]\nidle_minutes = 5\n"), expected);
        assert!(!parse("[agent]\nenabled = false\n").enabled);
    }

    #[test]
    fn a_misspelt_key_is_an_error() {
        let error = Config::parse("instence = \"work\"\n", Path::new("c")).unwrap_err();
        assert!(
            error.render().contains("unknown field `instence`"),
            "{error:?}"
        );
    }
}

//! The configuration as it is written, each value with its place.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{Error as _, IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_saphyr::Spanned;

use super::error::{ConfigError, ConfigProblem};

/// Bytes of a configuration.
const MAX_LEN: usize = 1 << 20;
const TOP_LEVEL: [&str; 3] = ["oidc-issuers", "meta-issuers", "ci-issuer-metadata"];

/// The configuration.
#[derive(Default)]
pub(super) struct Wire {
    pub(super) oidc_issuers: Pairs<WireIssuer>,
    pub(super) meta_issuers: Pairs<WireIssuer>,
    pub(super) ci_issuer_metadata: Pairs<WireProvider>,
}

/// The names of Fulcio's YAML, and those of its JSON.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct WireIssuer {
    #[serde(alias = "IssuerURL")]
    pub(super) issuer_url: Option<Spanned<String>>,
    #[serde(alias = "ClientID")]
    pub(super) client_id: Option<Spanned<String>>,
    #[serde(rename = "type", alias = "Type")]
    pub(super) kind: Option<Spanned<String>>,
    #[serde(alias = "CIProvider")]
    pub(super) ci_provider: Option<Spanned<String>>,
    #[serde(alias = "IssuerClaim")]
    pub(super) issuer_claim: Option<Spanned<String>>,
    #[serde(alias = "SubjectDomain")]
    pub(super) subject_domain: Option<Spanned<String>>,
    #[serde(alias = "SPIFFETrustDomain")]
    pub(super) spiffe_trust_domain: Option<Spanned<String>>,
    #[serde(alias = "ChallengeClaim")]
    pub(super) challenge_claim: Option<Spanned<String>>,
    #[serde(alias = "CACert")]
    pub(super) ca_cert: Option<Spanned<String>>,
    #[serde(alias = "SkipEmailVerification")]
    pub(super) skip_email_verification: Option<bool>,
    // For people.
    #[serde(rename = "description", alias = "Description")]
    _description: Option<IgnoredAny>,
    #[serde(rename = "contact", alias = "Contact")]
    _contact: Option<IgnoredAny>,
    #[serde(rename = "environment", alias = "Environment")]
    _environment: Option<IgnoredAny>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct WireProvider {
    #[serde(default, alias = "DefaultTemplateValues")]
    pub(super) default_template_values: Pairs<Option<String>>,
    #[serde(default, alias = "ExtensionTemplates")]
    pub(super) extension_templates: Pairs<Option<Spanned<String>>>,
    #[serde(alias = "SubjectAlternativeNameTemplate")]
    pub(super) subject_alternative_name_template: Option<Spanned<String>>,
}

/// A mapping in its order, with the places of its keys.
pub(super) struct Pairs<V>(pub(super) Vec<(Spanned<String>, V)>);

impl Wire {
    pub(super) fn parse(yaml: &str) -> Result<Self, ConfigError> {
        if yaml.len() > MAX_LEN {
            let problem = ConfigProblem::TooLarge {
                limit: MAX_LEN,
                found: yaml.len(),
            };
            return Err(ConfigError {
                line: 1,
                column: 1,
                problem,
            });
        }
        let options = serde_saphyr::options! {
            budget: serde_saphyr::budget! {
                max_depth: 16,
                flow_nesting_limit: 16,
                max_documents: 1,
                max_nodes: 100_000,
                max_events: 300_000,
                max_aliases: 10_000,
                max_anchors: 1_000,
                max_recorded_anchor_events: 100_000,
                max_recorded_anchor_bytes: 1 << 20,
                max_merge_keys: 2_000,
                // A handful of providers is named by hundreds of issuers.
                enforce_alias_anchor_ratio: false,
            },
            alias_limits: serde_saphyr::alias_limits! {
                max_total_replayed_events: 100_000,
                max_replay_stack_depth: 8,
            },
        };
        let yaml = with_spaced_aliases(yaml);
        serde_saphyr::from_str_with_options(&yaml, options).map_err(|error| {
            let location = error.location().unwrap_or(serde_saphyr::Location::UNKNOWN);
            let place = format!(" at line {}, column {}", location.line(), location.column());
            let reason = error.without_snippet().to_string();
            let reason = reason.strip_suffix(&place).unwrap_or(&reason);
            let reason = in_names_of_yaml(reason).chars().take(500).collect();
            ConfigError::at(location, ConfigProblem::Yaml { reason })
        })
    }
}

/// What the parser says of an unknown key, without the names of the JSON form: each key would be listed twice.
fn in_names_of_yaml(reason: &str) -> String {
    const LIST: &str = "expected one of ";
    let Some((start, names)) = reason.split_once(LIST) else {
        return reason.to_owned();
    };
    let of_yaml = |name: &&str| !name.contains(|c: char| c.is_ascii_uppercase());
    let names: Vec<_> = names.split(", ").filter(of_yaml).collect();
    format!("{start}{LIST}{}", names.join(", "))
}

/// The text with a space behind each alias that is a key: `*name:` is one in YAML 1.1, which Fulcio's own
/// configuration is written in, and an alias called `name:` in YAML 1.2.
fn with_spaced_aliases(yaml: &str) -> String {
    let mut spaced = String::with_capacity(yaml.len() + 64);
    for line in yaml.split_inclusive('\n') {
        let alias = line.trim_start().strip_prefix('*');
        let end = alias.and_then(|alias| {
            let end = alias.find(|c: char| !(c.is_ascii_alphanumeric() || c == '-' || c == '_'))?;
            let rest = alias.get(end..)?.strip_prefix(':')?;
            rest.starts_with(char::is_whitespace)
                .then(|| line.len() - rest.len() - 1)
        });
        match end.and_then(|end| line.split_at_checked(end)) {
            Some((key, rest)) => {
                spaced.push_str(key);
                spaced.push(' ');
                spaced.push_str(rest);
            }
            None => spaced.push_str(line),
        }
    }
    spaced
}

impl<'de> Deserialize<'de> for Wire {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Sections;

        impl<'de> Visitor<'de> for Sections {
            type Value = Wire;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a mapping with oidc-issuers")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Wire, A::Error> {
                let mut wire = Wire::default();
                while let Some(name) = map.next_key::<String>()? {
                    match name.as_str() {
                        "oidc-issuers" | "OIDCIssuers" => wire.oidc_issuers = section(&mut map)?,
                        "meta-issuers" | "MetaIssuers" => wire.meta_issuers = section(&mut map)?,
                        "ci-issuer-metadata" | "CIIssuerMetadata" => {
                            wire.ci_issuer_metadata = section(&mut map)?;
                        }
                        anchors if anchors == "define" || anchors.starts_with("x-") => {
                            map.next_value::<IgnoredAny>()?;
                        }
                        other => return Err(A::Error::unknown_field(other, &TOP_LEVEL)),
                    }
                }
                Ok(wire)
            }
        }

        deserializer.deserialize_map(Sections)
    }
}

fn section<'de, A: MapAccess<'de>, V: Deserialize<'de>>(map: &mut A) -> Result<Pairs<V>, A::Error> {
    Ok(map.next_value::<Option<Pairs<V>>>()?.unwrap_or_default())
}

impl<V> Default for Pairs<V> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<'de, V: Deserialize<'de>> Deserialize<'de> for Pairs<V> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Entries<V>(PhantomData<V>);

        impl<'de, V: Deserialize<'de>> Visitor<'de> for Entries<V> {
            type Value = Pairs<V>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a mapping")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Pairs<V>, A::Error> {
                let mut pairs = Vec::new();
                while let Some(pair) = map.next_entry()? {
                    pairs.push(pair);
                }
                Ok(Pairs(pairs))
            }
        }

        deserializer.deserialize_map(Entries(PhantomData))
    }
}

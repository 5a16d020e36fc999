//! Which instance is meant, and its trust material.

use std::path::{Path, PathBuf};

use clap::{Args, ValueHint};
use signhere_http::HttpClient;
use signhere_pki::time::Clock as _;
use signhere_sign::instance::Instance;
use signhere_verify::trust::{PUBLIC_GOOD, STAGING, SigningConfig, TrustError, TrustedRoot};
use url::Url;

use crate::clock::SystemClock;
use crate::commands::{Context, block_on};
use crate::config::Config;
use crate::error::CliError;
use crate::exit::Exit;
use crate::files;
use crate::login::http_client;

/// No trusted root, signing config or trust config is larger.
const LIMIT: u64 = 4 * 1024 * 1024;
/// The file that describes an instance, in its folder and at its URL.
const TRUST_CONFIG: &str = "trust_config.json";

/// Files to trust instead of an instance's own.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Trust")]
pub(crate) struct TrustArgs {
    /// The keys and certificates to trust (trusted_root.json)
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) trusted_root: Option<PathBuf>,
    /// An instance in one file: its trusted root and its signing config
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, conflicts_with = "trusted_root")]
    pub(crate) trust_config: Option<PathBuf>,
}

/// An instance, as somebody named it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Named {
    /// Sigstore's public-good instance.
    Public,
    /// The public-good instance's staging twin.
    Staging,
    /// An instance whose folder is at hand.
    Folder(PathBuf),
    /// An instance somewhere else.
    At(Url),
}

impl Named {
    /// The instance that the flags, the environment or the configuration file
    /// name; the public-good one when nothing does.
    pub(crate) fn find(context: &Context) -> Result<Self, CliError> {
        let config = Config::load(context.global.config.as_deref())?;
        let name = context.global.instance.as_deref();
        match name.or(config.instance.as_deref()) {
            Some(name) => Self::parse(name, &config),
            None => Ok(Self::Public),
        }
    }

    fn parse(name: &str, config: &Config) -> Result<Self, CliError> {
        let meant = config.instances.get(name).map_or(name, String::as_str);
        if meant.starts_with("http://") || meant.starts_with("https://") {
            return Url::parse(meant)
                .map(Self::At)
                .map_err(|error| unknown(name).found(error.to_string()));
        }
        match meant {
            "public" => return Ok(Self::Public),
            "staging" => return Ok(Self::Staging),
            _ => {}
        }
        let folder = Path::new(meant);
        if folder.is_dir() {
            return Ok(Self::Folder(folder.to_owned()));
        }
        Err(unknown(name)
            .expected("public, staging, a name from the configuration file, a URL, or a folder"))
    }
}

/// What signatures are verified with.
pub(crate) fn trusted_root(context: &Context, args: &TrustArgs) -> Result<TrustedRoot, CliError> {
    if let Some(path) = &args.trusted_root {
        return load(path, TrustedRoot::parse);
    }
    if let Some(path) = &args.trust_config {
        return Ok(load(path, Instance::from_client_trust_config)?.trusted_root);
    }
    match Named::find(context)? {
        Named::Public => Ok(TrustedRoot::parse(PUBLIC_GOOD.as_bytes())?),
        Named::Staging => Ok(TrustedRoot::parse(STAGING.as_bytes())?),
        Named::Folder(folder) => {
            let path = folder.join(TRUST_CONFIG);
            Ok(load(&path, Instance::from_client_trust_config)?.trusted_root)
        }
        Named::At(url) => Ok(block_on(fetch(context, &url, &http_client()))?.trusted_root),
    }
}

/// What signatures are made and verified with.
pub(crate) async fn instance(
    context: &Context,
    args: &TrustArgs,
    signing_config: Option<&Path>,
    http: &HttpClient,
) -> Result<Instance, CliError> {
    if let Some(path) = &args.trust_config {
        return load(path, Instance::from_client_trust_config);
    }
    let root = match &args.trusted_root {
        Some(path) => Some(load(path, TrustedRoot::parse)?),
        None => None,
    };
    let config = match signing_config {
        Some(path) => Some(load(path, SigningConfig::parse)?),
        None => None,
    };
    if let (Some(trusted_root), Some(signing_config)) = (&root, &config) {
        return Ok(Instance {
            trusted_root: trusted_root.clone(),
            signing_config: signing_config.clone(),
        });
    }
    let named = match Named::find(context)? {
        Named::Public => Instance::public_good()?,
        Named::Staging => Instance::staging()?,
        Named::Folder(folder) => load(
            &folder.join(TRUST_CONFIG),
            Instance::from_client_trust_config,
        )?,
        Named::At(url) => fetch(context, &url, http).await?,
    };
    Ok(Instance {
        trusted_root: root.unwrap_or(named.trusted_root),
        signing_config: config.unwrap_or(named.signing_config),
    })
}

/// Whether signatures go to the public-good instance.
pub(crate) fn is_public(
    context: &Context,
    args: &TrustArgs,
    signing_config: Option<&Path>,
) -> Result<bool, CliError> {
    let by_file = args.trust_config.is_some() || signing_config.is_some();
    Ok(!by_file && Named::find(context)? == Named::Public)
}

/// Where people of this instance log in, if it says.
pub(crate) fn issuer(instance: &Instance) -> Result<Option<Url>, CliError> {
    let selected = instance.signing_config.select(SystemClock.now())?;
    let Some(service) = selected.oidc else {
        return Ok(None);
    };
    Url::parse(&service.url).map(Some).map_err(|error| {
        CliError::new(
            Exit::Trust,
            "SH-TRUST-SERVICES",
            format!("the signing config names an issuer that is no web address: {error}"),
        )
        .found(service.url)
    })
}

async fn fetch(context: &Context, url: &Url, http: &HttpClient) -> Result<Instance, CliError> {
    context.need_network("fetching the instance's description")?;
    Ok(Instance::fetch(http, url).await?)
}

/// Trust material from a file.
fn load<T>(path: &Path, parse: impl FnOnce(&[u8]) -> Result<T, TrustError>) -> Result<T, CliError> {
    let bytes = files::read(path, LIMIT).map_err(|error| error.exits(Exit::Trust))?;
    parse(&bytes).map_err(|error| CliError::from(error).about(&path.display().to_string()))
}

fn unknown(name: &str) -> CliError {
    CliError::new(
        Exit::Trust,
        "SH-INSTANCE-UNKNOWN",
        format!("there is no instance {name}"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(name: &str) -> Result<Named, CliError> {
        let mut config = Config::default();
        let work = "https://sigstore.example.com".to_owned();
        config.instances.insert("work".to_owned(), work);
        Named::parse(name, &config)
    }

    #[test]
    fn names() {
        let url = Url::parse("https://sigstore.example.com").unwrap();
        assert_eq!(parse("public"), Ok(Named::Public));
        assert_eq!(parse("staging"), Ok(Named::Staging));
        assert_eq!(parse("work"), Ok(Named::At(url.clone())));
        assert_eq!(parse("https://sigstore.example.com"), Ok(Named::At(url)));
        assert_eq!(parse("."), Ok(Named::Folder(PathBuf::from("."))));
    }

    #[test]
    fn an_unknown_name_is_not_the_public_instance() {
        let error = parse("wrok").unwrap_err();
        assert_eq!(error.exit(), Exit::Trust);
        assert!(error.render().contains("there is no instance wrok"));
    }
}

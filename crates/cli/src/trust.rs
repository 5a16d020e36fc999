//! Which instance is meant, and its trust material.

mod added;
mod followed;
mod known;

use std::path::{Path, PathBuf};

use clap::{Args, ValueHint};
use signhere_http::HttpClient;
use signhere_pki::time::Clock as _;
use signhere_sign::instance::Instance;
use signhere_verify::trust::{SigningConfig, TrustError, TrustedRoot};
use url::Url;

use crate::clock::SystemClock;
use crate::commands::{Context, block_on};
use crate::config::Config;
use crate::error::CliError;
use crate::exit::Exit;
use crate::files;
use crate::login::http_client;

pub(crate) use self::added::{Addition, add};
use self::followed::PATIENCE;
pub(crate) use self::followed::{Followed, Updated};
pub(crate) use self::known::{Chosen, Known};

/// No trusted root, signing config or trust config is larger.
const LIMIT: u64 = 4 * 1024 * 1024;
/// The file that describes an instance, in its folder and at its URL.
const TRUST_CONFIG: &str = "trust_config.json";
/// Where the instance named `local` is: in the folder that `signhere serve init` or `signhere quickstart` makes.
const LOCAL_FOLDERS: [&str; 2] = [".signhere/instance", ".signhere/quickstart"];
/// Or else at this address.
const LOCAL_URL: &str = "http://127.0.0.1:3003";

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
    /// An instance that is followed by TUF.
    Followed(String),
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
            None => Ok(Self::Followed("public".to_owned())),
        }
    }

    fn parse(name: &str, config: &Config) -> Result<Self, CliError> {
        let meant = config.instances.get(name).map_or(name, String::as_str);
        if meant.starts_with("http://") || meant.starts_with("https://") {
            return Url::parse(meant)
                .map(Self::At)
                .map_err(|error| unknown(name).found(error.to_string()));
        }
        if Followed::find(meant)?.is_some() {
            return Ok(Self::Followed(meant.to_owned()));
        }
        if meant == "local" {
            return match local_folder() {
                Some(folder) => Ok(Self::Folder(folder.to_owned())),
                None => Url::parse(LOCAL_URL)
                    .map(Self::At)
                    .map_err(|error| CliError::internal(&error)),
            };
        }
        let folder = Path::new(meant);
        if folder.is_dir() {
            return Ok(Self::Folder(folder.to_owned()));
        }
        Err(unknown(name)
            .expected("one that `signhere trust instances` lists, a name from the configuration file, a URL, or a folder")
            .mend("signhere trust add-instance URL --fingerprint HEX"))
    }

    async fn instance(&self, context: &Context, http: &HttpClient) -> Result<Instance, CliError> {
        match self {
            Self::Followed(name) => followed_instance(context, name, http).await,
            Self::Folder(folder) => load(
                &folder.join(TRUST_CONFIG),
                Instance::from_client_trust_config,
            ),
            Self::At(url) => fetch(context, url, http).await,
        }
    }

    /// A name that means the same in another folder and with another configuration.
    fn portable(&self) -> Result<String, CliError> {
        match self {
            Self::Followed(name) => Ok(name.clone()),
            Self::Folder(folder) => {
                let real = folder.canonicalize();
                let real = real.map_err(|error| CliError::file("follow", folder, &error))?;
                Ok(real.display().to_string())
            }
            Self::At(url) => Ok(url.to_string()),
        }
    }
}

/// The instance that is named, by a name that means the same to another process of this user; none when nothing is
/// named.
pub(crate) fn portable_name(context: &Context) -> Result<Option<String>, CliError> {
    let config = Config::load(context.global.config.as_deref())?;
    let name = context.global.instance.as_deref();
    let name = name.or(config.instance.as_deref());
    name.map(|name| Named::parse(name, &config)?.portable())
        .transpose()
}

/// The portable name of the instance that `name` names to this process, or of its default.
pub(crate) fn portable(context: &Context, name: Option<&str>) -> Result<String, CliError> {
    match name {
        None => Named::find(context)?.portable(),
        Some(name) => {
            let config = Config::load(context.global.config.as_deref())?;
            Named::parse(name, &config)?.portable()
        }
    }
}

/// The instance with this name, as it is now.
pub(crate) async fn by_name(
    context: &Context,
    name: &str,
    http: &HttpClient,
) -> Result<Instance, CliError> {
    let config = Config::load(context.global.config.as_deref())?;
    let named = Named::parse(name, &config)?;
    named.instance(context, http).await
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
        Named::Followed(name) => {
            let material = followed(&name)?.material(false)?;
            Ok(TrustedRoot::parse(&material.trusted_root)?)
        }
        Named::Folder(folder) => {
            let path = folder.join(TRUST_CONFIG);
            Ok(load(&path, Instance::from_client_trust_config)?.trusted_root)
        }
        Named::At(url) => Ok(block_on(fetch(context, &url, &http_client()))?.trusted_root),
    }
}

/// The instances that a bundle may be of: the one that was named, or all that are known. The configuration's
/// default is one among them, unless nobody but its URL vouches for it.
pub(crate) fn known(context: &Context, args: &TrustArgs) -> Result<Known, CliError> {
    if args.trusted_root.is_some() || args.trust_config.is_some() {
        return Ok(Known::one(context, trusted_root(context, args)?));
    }
    let config = Config::load(context.global.config.as_deref())?;
    let flag = context.global.instance.as_deref();
    let default = config.instance.as_deref().filter(|_| flag.is_none());
    let parse = |name: &str| Named::parse(name, &config);
    let default = default.map(parse).transpose()?;
    let named = match (flag, &default) {
        (Some(name), _) => Some(parse(name)?),
        (None, Some(Named::At(url))) => Some(Named::At(url.clone())),
        (None, _) => None,
    };
    match named {
        Some(Named::Followed(name)) => Ok(Known::new(
            context,
            vec![followed(&name)?],
            Vec::new(),
            true,
        )),
        Some(_) => Ok(Known::one(context, trusted_root(context, args)?)),
        None => {
            let local = local_folder().map(|folder| ("local", folder));
            let folders = config.instances.iter();
            let folders = folders.map(|(name, place)| (name.as_str(), Path::new(place)));
            let default = match &default {
                Some(Named::Folder(folder)) => Some(("default", folder.as_path())),
                _ => None,
            };
            let mut others = Vec::new();
            for (name, folder) in folders.chain(default).chain(local) {
                let path = folder.join(TRUST_CONFIG);
                if path.is_file() {
                    let instance = load(&path, Instance::from_client_trust_config)?;
                    others.push((Some(name.to_owned()), instance.trusted_root));
                }
            }
            Ok(Known::new(context, Followed::all()?, others, false))
        }
    }
}

/// The instances of the configuration file whose folders are at hand, by name.
pub(crate) fn folders(context: &Context) -> Result<Vec<(String, Instance)>, CliError> {
    let config = Config::load(context.global.config.as_deref())?;
    let mut found = Vec::new();
    for (name, place) in config.instances {
        let path = Path::new(&place).join(TRUST_CONFIG);
        if path.is_file() {
            found.push((name, load(&path, Instance::from_client_trust_config)?));
        }
    }
    Ok(found)
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
    let named = Named::find(context)?.instance(context, http).await?;
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
    Ok(!by_file && Named::find(context)? == Named::Followed("public".to_owned()))
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

/// The folder of the instance named `local`, if it is at hand.
fn local_folder() -> Option<&'static Path> {
    let mut folders = LOCAL_FOLDERS.iter().map(Path::new);
    folders.find(|folder| folder.join(TRUST_CONFIG).is_file())
}

/// The instance of this name, which is followed.
fn followed(name: &str) -> Result<Followed, CliError> {
    Followed::find(name)?.ok_or_else(|| unknown(name))
}

/// What is known of an instance, asked for anew if that is old.
async fn followed_instance(
    context: &Context,
    name: &str,
    http: &HttpClient,
) -> Result<Instance, CliError> {
    let followed = followed(name)?;
    if !context.global.offline && followed.is_due(SystemClock.now()) {
        let http = http.reconfigured(|config| config.retry.attempts = 1);
        let update = tokio::time::timeout(PATIENCE, followed.update(&http)).await;
        let failure = match update {
            Ok(outcome) => outcome.err().map(|error| error.message().to_owned()),
            Err(_) => Some(format!("{} did not answer in time", followed.url)),
        };
        if let Some(failure) = failure {
            context.output.note(format_args!(
                "note: the trust at hand is used as it is: {failure}"
            ));
        }
    }
    let material = followed.material(true)?;
    let signing_config = material.signing_config.ok_or_else(|| {
        CliError::new(
            Exit::Trust,
            "SH-TRUST-SERVICES",
            format!("nothing is known of where to sign on the instance {name}"),
        )
    })?;
    Ok(Instance::from_json(
        &material.trusted_root,
        &signing_config,
    )?)
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
        for name in ["public", "staging", "github"] {
            assert_eq!(parse(name), Ok(Named::Followed(name.to_owned())));
        }
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

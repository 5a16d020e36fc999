//! The trust files in force: where they are, what they say, and the command that would add to them.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use signhere_verify::policy::{MAX_TRUST_FILE_BYTES, Signer, TrustFile, Trusted, Who};

use crate::commands::Context;
use crate::error::{CliError, shell_word};
use crate::exit::Exit;
use crate::trust::{Named, TrustArgs};
use crate::{env, files};

/// The folder of a repository's trust file, and the file in it.
const FOLDER: &str = ".signhere";
const FILE: &str = "trust.toml";
/// No public key file is larger.
const KEY_LIMIT: u64 = 64 * 1024;

/// A trust file at hand.
#[derive(Debug)]
pub(crate) struct AtHand {
    /// Its text.
    pub(crate) text: String,
    /// What it says.
    pub(crate) file: TrustFile,
}

impl AtHand {
    /// Reads the file at `path`.
    pub(crate) fn load(path: &Path) -> Result<Self, CliError> {
        refuse_writable(path)?;
        let limit = u64::try_from(MAX_TRUST_FILE_BYTES).unwrap_or(u64::MAX);
        let text = files::read_text(path, limit).map_err(|error| error.exits(Exit::Trust))?;
        let folder = path.parent().unwrap_or_else(|| Path::new(""));
        let base = base_of(path);
        let key_file = |name: &str| {
            files::read_text(&folder.join(name), KEY_LIMIT)
                .map_err(|error| format!("{name}: {}", error.message()))
        };
        let label = path.display().to_string();
        let file = TrustFile::parse(&text, &label, base.as_deref(), &key_file)?;
        Ok(Self { text, file })
    }
}

/// The trust files in force, the first to be asked first: the one that was named alone, or the repository's
/// and the user's.
pub(crate) fn at_hand(named: Option<&Path>) -> Result<Vec<AtHand>, CliError> {
    let paths = match named {
        Some(path) => vec![path.to_owned()],
        None => repositorys().into_iter().chain(users()).collect(),
    };
    let is_there = |path: &PathBuf| named.is_some() || path.exists();
    let there = paths.into_iter().filter(is_there);
    there.map(|path| AtHand::load(&path)).collect()
}

/// What the trust files in force say.
pub(crate) fn trusted(named: Option<&Path>) -> Result<Arc<Trusted>, CliError> {
    let files = at_hand(named)?.into_iter().map(|found| found.file);
    Ok(Arc::new(Trusted::new(files.collect())))
}

/// The name of the instance that was named, or else of the default; `None` where a file was named instead. A bundle
/// of another instance that is known says so itself.
pub(crate) fn instance(context: &Context, args: &TrustArgs) -> Result<Option<String>, CliError> {
    if args.trusted_root.is_some() || args.trust_config.is_some() {
        return Ok(None);
    }
    let name = match Named::find(context)? {
        Named::Followed(name) => name,
        Named::Folder(_) => "local".to_owned(),
        Named::At(url) => match url.host_str() {
            Some("127.0.0.1" | "localhost") => "local".to_owned(),
            // No instance that is followed by name can be called so by accident.
            host => {
                let host = host.unwrap_or_default().replace('.', "-");
                let start: String = host.chars().take(48).collect();
                format!("at-{start}")
            }
        },
    };
    Ok(Some(name))
}

/// The path of a file as trust files speak of it; `None` where its name is not text.
pub(crate) fn place_of(artifact: &Path) -> Option<String> {
    let absolute = std::path::absolute(artifact).ok()?;
    let (folder, name) = (absolute.parent()?, absolute.file_name()?);
    let folder = folder.canonicalize().ok()?;
    folder.join(name).to_str().map(ToOwned::to_owned)
}

/// The file that an entry is added to: the one that was named, or the repository's where there is one, or the
/// user's.
pub(crate) fn to_change(named: Option<&Path>) -> Result<PathBuf, CliError> {
    if let Some(path) = named {
        return Ok(path.to_owned());
    }
    let repositorys = repositorys().filter(|path| path.exists());
    repositorys.or_else(users).ok_or_else(|| {
        CliError::new(
            Exit::Trust,
            "SH-TRUST-FILE-NOWHERE",
            "there is no repository's trust file here, and no home for your own",
        )
        .mend("signhere trust init")
    })
}

/// Where a trust file for the folder here belongs: in the repository's root, or else in this folder.
pub(crate) fn place_here() -> PathBuf {
    let root = repository_root().unwrap_or_else(|| PathBuf::from("."));
    root.join(FOLDER).join(FILE)
}

/// The user's own.
pub(crate) fn users() -> Option<PathBuf> {
    env::config_dir().map(|dir| dir.join(FILE))
}

/// The command that lists a signer.
pub(crate) fn add_command(signer: &Signer) -> String {
    let mut words: Vec<String> = ["signhere", "trust", "add"].map(ToOwned::to_owned).into();
    let mut flag = |name: &str, value: &str| {
        words.push(name.to_owned());
        words.push(shell_word(value));
    };
    match &signer.who {
        Who::Identity {
            identity,
            issuer,
            repository,
            repository_id,
        } => {
            let shown = issuer.short().unwrap_or(issuer.as_str());
            match workflow(identity.as_str()) {
                Some([repository, workflow, reference]) if shown == "github" => {
                    flag("--repo", repository);
                    flag("--workflow", workflow);
                    flag("--ref", reference);
                }
                _ => {
                    let is_email = identity.kind().as_str() == "email";
                    flag(
                        if is_email { "--email" } else { "--uri" },
                        identity.as_str(),
                    );
                    flag("--issuer", shown);
                }
            }
            if let Some(repository) = repository {
                flag("--source-repository", repository);
            }
            if let Some(id) = repository_id {
                flag("--repository-id", id);
            }
        }
        Who::Key(_) => flag("--key", "PUBLIC_KEY"),
        _ => {}
    }
    if let Some(instances) = &signer.instances {
        flag("--on", &instances.join(","));
    }
    words.join(" ")
}

/// Repository, workflow and ref of a workflow on github.com.
fn workflow(identity: &str) -> Option<[&str; 3]> {
    let path = identity.strip_prefix("https://github.com/")?;
    let (repository, rest) = path.split_once("/.github/workflows/")?;
    let (workflow, reference) = rest.split_once('@')?;
    let is_simple = repository.split('/').count() == 2 && !workflow.contains('/');
    (is_simple && reference.starts_with("refs/")).then_some([repository, workflow, reference])
}

/// Upwards to the root of the repository, and not further: what lies above belongs to somebody else.
fn repositorys() -> Option<PathBuf> {
    let here = Path::new(FOLDER).join(FILE);
    if here.exists() {
        return Some(here);
    }
    let root = repository_root()?;
    let start = std::path::absolute(".").ok()?;
    let inside = start
        .ancestors()
        .take_while(|folder| folder.starts_with(&root));
    inside
        .map(|folder| folder.join(FOLDER).join(FILE))
        .find(|path| path.exists())
}

/// The nearest folder upwards that has `.git`.
fn repository_root() -> Option<PathBuf> {
    let start = std::path::absolute(".").ok()?;
    let mut folders = start.ancestors();
    folders
        .find(|folder| folder.join(".git").exists())
        .map(Path::to_owned)
}

/// The folder that patterns of a trust file begin in: the repository's; none for the user's own file.
fn base_of(path: &Path) -> Option<String> {
    if users().is_some_and(|own| own == path) {
        return None;
    }
    let folder = path.canonicalize().ok()?.parent()?.to_owned();
    let base = match folder.file_name() {
        Some(name) if name == FOLDER => folder.parent()?.to_owned(),
        _ => folder,
    };
    base.to_str().map(ToOwned::to_owned)
}

/// A file that anybody on the machine can change says nothing of whom its owner trusts.
fn refuse_writable(path: &Path) -> Result<(), CliError> {
    let metadata = std::fs::metadata(path)
        .map_err(|error: io::Error| CliError::file("read", path, &error).exits(Exit::Trust))?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        if metadata.permissions().mode() & 0o002 != 0 {
            let shown = path.display().to_string();
            return Err(CliError::new(
                Exit::Trust,
                "SH-TRUST-FILE-WRITABLE",
                format!("{shown} can be changed by everybody on this machine, and is not believed"),
            )
            .mend(format!("chmod o-w {}", shell_word(&shown))));
        }
    }
    #[cfg(not(unix))]
    let _ = metadata;
    Ok(())
}

#[cfg(test)]
mod tests {
    use signhere_verify::policy::{Identity, Issuer};

    use super::*;

    fn command(identity: &str, issuer: &str) -> String {
        let who = Who::Identity {
            identity: Identity::parse(identity).unwrap(),
            issuer: Issuer::named(issuer).unwrap(),
            repository: None,
            repository_id: None,
        };
        add_command(&Signer::new("x", who))
    }

    #[test]
    fn the_command_is_one_that_a_shell_takes() {
        let workflow = "https://github.com/acme/tool/.github/workflows/release.yml@refs/tags/*";
        assert_eq!(
            command(workflow, "github"),
            "signhere trust add --repo acme/tool --workflow release.yml --ref 'refs/tags/*'"
        );
        assert_eq!(
            command("o'neil@example.com", "google"),
            "signhere trust add --email 'o'\\''neil@example.com' --issuer google"
        );
        // A workflow elsewhere, or by another issuer, is written out.
        assert_eq!(
            command(workflow, "https://ci.example.com"),
            format!("signhere trust add --uri '{workflow}' --issuer https://ci.example.com")
        );
        assert_eq!(
            command("spiffe://example.com/ci", "https://oidc.example.com"),
            "signhere trust add --uri spiffe://example.com/ci --issuer https://oidc.example.com"
        );
    }
}

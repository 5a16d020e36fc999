//! What may be wrong, one function each.

use std::fs::OpenOptions;
use std::path::Path;

use signhere_git::config::{Entry, Scope, Settings};

use super::{Facts, Finding};
use crate::agent;
use crate::commands::Context;
use crate::commands::git::{configured, failure, instance, setup};
use crate::env;
use crate::error::CliError;
use crate::policy;
use crate::trust::Named;

/// The first git that knows X.509 programs, the trust level that is asked for, and the scope of a setting.
const OLDEST: [u32; 2] = [2, 26];

/// Everything that was found, the worst first within each check.
pub(super) fn all(context: &Context) -> Result<Vec<Finding>, CliError> {
    if let Some(old) = old_git()? {
        return Ok(vec![old]);
    }
    let config = configured::config()?;
    let facts = Facts {
        context,
        settings: Settings::read(&config, &env::var),
        config,
    };
    let checks: [fn(&Facts<'_>) -> Vec<Finding>; 13] = [
        format,
        program,
        switched_on,
        signing_key,
        person,
        trust,
        trust_level,
        of_gitsign,
        which_instance,
        logins,
        repository,
        terminal,
        last_failure,
    ];
    Ok(checks.iter().flat_map(|check| check(&facts)).collect())
}

/// # Errors
/// When git cannot be run at all.
fn old_git() -> Result<Option<Finding>, CliError> {
    configured::git(["version"])?;
    Ok(match configured::version() {
        Some(version) if version >= OLDEST => None,
        Some([major, minor]) => Some(
            Finding::error("git-old", format!("git {major}.{minor} is too old"))
                .mend("install git 2.26 or later"),
        ),
        None => Some(Finding::warning(
            "git-version",
            "git does not say its version",
        )),
    })
}

fn format(facts: &Facts<'_>) -> Vec<Finding> {
    let entry = facts.config.find("gpg.format");
    let value = entry.map(value_of);
    if value == Some("x509") {
        return Vec::new();
    }
    let text = match (&value, entry) {
        (Some(value), Some(entry)) => {
            format!(
                "gpg.format is {value} in {}: git signs with something else",
                place(entry)
            )
        }
        _ => "gpg.format is not set: git signs with OpenPGP".to_owned(),
    };
    vec![mended(
        Finding::error("gpg-format", text),
        entry,
        "gpg.format",
        "x509",
    )]
}

fn program(facts: &Facts<'_>) -> Vec<Finding> {
    let key = "gpg.x509.program";
    let entry = facts.config.find(key);
    let [_, (_, own), ..] = setup::wanted();
    let Some(entry) = entry else {
        let finding = Finding::error(
            "program-unset",
            "gpg.x509.program is not set: git looks for gpgsm",
        );
        return vec![mended(finding, None, key, &own)];
    };
    let named = value_of(entry);
    if !setup::is_own(named) {
        let code = match Path::new(named).file_stem() {
            Some(name) if name == "gitsign" => "program-gitsign",
            _ => "program-other",
        };
        let text = format!("gpg.x509.program is {named} in {}", place(entry));
        return vec![mended(Finding::error(code, text), Some(entry), key, &own)];
    }
    let path = Path::new(named);
    let is_name = path.components().count() == 1;
    if !is_name && path.is_relative() && !named.starts_with('~') {
        let text = format!(
            "gpg.x509.program is the relative path {named}: it leads elsewhere in each repository"
        );
        return vec![mended(
            Finding::error("program-relative", text),
            Some(entry),
            key,
            &own,
        )];
    }
    let found = match is_name {
        true => setup::on_path(named),
        false => Some(home(named)).filter(|path| setup::is_program(path)),
    };
    let Some(found) = found.and_then(|path| path.canonicalize().ok()) else {
        let text = format!("gpg.x509.program is {named}, and there is no such program");
        return vec![mended(
            Finding::error("program-missing", text),
            Some(entry),
            key,
            &own,
        )];
    };
    let here = std::env::current_exe()
        .and_then(|path| path.canonicalize())
        .ok();
    if here.is_some_and(|here| here != found) {
        let text = format!(
            "git runs another signhere than this one: {}",
            found.display()
        );
        return vec![mended(
            Finding::warning("program-elsewhere", text),
            Some(entry),
            key,
            &own,
        )];
    }
    Vec::new()
}

fn switched_on(facts: &Facts<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (key, code, what) in [
        (
            "commit.gpgsign",
            "commits-unsigned",
            "commits are signed with -S only",
        ),
        (
            "tag.gpgsign",
            "tags-unsigned",
            "tags are signed with -s only",
        ),
    ] {
        if facts.config.truth(key) == Some(true) {
            continue;
        }
        let entry = facts.config.find(key);
        let text = match entry {
            Some(entry) => format!("{key} is {} in {}: {what}", value_of(entry), place(entry)),
            None => format!("{key} is not set: {what}"),
        };
        findings.push(mended(Finding::warning(code, text), entry, key, "true"));
    }
    findings
}

fn signing_key(facts: &Facts<'_>) -> Vec<Finding> {
    let Some(entry) = facts.config.find("user.signingkey") else {
        return Vec::new();
    };
    let (key, place) = (value_of(entry), place(entry));
    let text = format!(
        "user.signingKey is {key} in {place}: it says nothing here, for who signs is who logs in"
    );
    vec![Finding::note("signing-key", text).mend(format!(
        "git config --{} --unset user.signingKey",
        entry.scope
    ))]
}

fn person(facts: &Facts<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (key, variable, code, example) in [
        (
            "user.name",
            "GIT_COMMITTER_NAME",
            "no-name",
            "'Ada Lovelace'",
        ),
        (
            "user.email",
            "GIT_COMMITTER_EMAIL",
            "no-email",
            "ada@example.org",
        ),
    ] {
        let value = facts.config.value(key).filter(|value| !value.is_empty());
        if value.is_none() && env::var(variable).is_none() {
            let text = format!("{key} is not set: git makes one up, or refuses to commit");
            let mend = format!("git config --global {key} {example}");
            findings.push(Finding::warning(code, text).mend(mend));
        }
    }
    findings
}

fn trust(facts: &Facts<'_>) -> Vec<Finding> {
    let named = facts.settings.trust_file.as_ref();
    let trusted = match policy::trusted(named.map(|source| Path::new(&source.value))) {
        Ok(trusted) => trusted,
        Err(error) => return vec![told("trust-file", &error)],
    };
    if trusted.files().is_empty() {
        return vec![
            Finding::note(
                "no-trust-file",
                "there is no trust file: git shows every good signature as U, by whomever it is",
            )
            .mend("signhere git setup --ref-policy, or: signhere trust init"),
        ];
    }
    let Some(address) = facts.config.value("user.email") else {
        return Vec::new();
    };
    let mut owners = trusted.signers().filter(|(_, signer)| {
        let mut addresses = signer.addresses();
        addresses.any(|own| own.eq_ignore_ascii_case(address))
    });
    match owners.next() {
        Some(_) => Vec::new(),
        None => vec![
            Finding::warning(
                "committer-unlisted",
                format!("you commit as {address}, which no trust file ties to a signer"),
            )
            .mend(format!(
                "signhere trust add --email {address}, or add it to committers of your entry"
            )),
        ],
    }
}

fn trust_level(facts: &Facts<'_>) -> Vec<Finding> {
    let Some(entry) = facts.config.find("gpg.mintrustlevel") else {
        return Vec::new();
    };
    let level = value_of(entry).to_ascii_lowercase();
    if level == "ultimate" {
        let text =
            "gpg.minTrustLevel is ultimate: what a trust file lists is FULLY trusted, never more";
        return vec![mended(
            Finding::error("trust-level", text),
            Some(entry),
            "gpg.minTrustLevel",
            "fully",
        )];
    }
    let named = facts.settings.trust_file.as_ref();
    let trusted = policy::trusted(named.map(|source| Path::new(&source.value)));
    if level != "undefined" && trusted.is_ok_and(|trusted| trusted.files().is_empty()) {
        let text = format!(
            "gpg.minTrustLevel is {level}, and without a trust file every signature is UNDEFINED: git verify-commit refuses all"
        );
        return vec![Finding::error("trust-level", text).mend("signhere trust init")];
    }
    Vec::new()
}

fn of_gitsign(facts: &Facts<'_>) -> Vec<Finding> {
    let unused = facts.settings.unused.iter();
    unused
        .map(|one| {
            let text = format!("{} means nothing here: {}", one.name, one.why);
            Finding::note("gitsign-setting", text)
        })
        .collect()
}

fn which_instance(facts: &Facts<'_>) -> Vec<Finding> {
    let mut global = facts.context.global.clone();
    if global.instance.is_none() {
        let named = facts.settings.instance.as_ref();
        global.instance = named.map(|named| named.value.clone());
    }
    let named = instance::named(&Context::new(global), &facts.settings);
    let found = named.and_then(|context| Named::find(&context));
    match found {
        Err(error) => vec![told("instance", &error)],
        Ok(Named::Folder(folder)) if folder.is_relative() => vec![Finding::warning(
            "instance-relative",
            format!(
                "the instance is the relative folder {}: it is looked for in each repository",
                folder.display()
            ),
        )],
        Ok(_) => Vec::new(),
    }
}

fn logins(facts: &Facts<'_>) -> Vec<Finding> {
    let has_token = env::var("SIGSTORE_ID_TOKEN").is_some() || env::var("CI").is_some();
    if has_token {
        return Vec::new();
    }
    let is_wanted = match agent::is_wanted(facts.context) {
        Ok(is_wanted) => is_wanted && facts.settings.agent != Some(false),
        Err(error) => return vec![told("agent", &error)],
    };
    if !is_wanted {
        let text = "no agent keeps logins: each commit asks for one";
        return vec![Finding::warning("agent-off", text).mend("git config --unset signhere.agent")];
    }
    let status = agent::place().and_then(|place| match agent::connect(&place)? {
        Some(mut client) => Ok(Some(client.status()?)),
        None if agent::is_elsewhere() => Err(agent::nobody_answers(&place)),
        None => Ok(None),
    });
    let logins = match status {
        Err(error) => return vec![told("agent", &error)],
        Ok(status) => status.map_or_else(Vec::new, |status| status.logins),
    };
    let Some(first) = logins.first() else {
        let text = "nobody is logged in: the first commit asks for it";
        return vec![Finding::note("no-login", text).mend("signhere agent login")];
    };
    let address = facts.config.value("user.email").unwrap_or_default();
    let named = facts.settings.trust_file.as_ref();
    let trusted = policy::trusted(named.map(|source| Path::new(&source.value)));
    let is_tied = logins.iter().any(|login| {
        login.identity.eq_ignore_ascii_case(address)
            || trusted.as_ref().is_ok_and(|trusted| {
                let mut signers = trusted.signers().filter(|(_, signer)| {
                    let mut own = signer.addresses();
                    own.any(|own| own.eq_ignore_ascii_case(&login.identity))
                });
                signers.any(|(_, signer)| {
                    let mut own = signer.addresses();
                    own.any(|own| own.eq_ignore_ascii_case(address))
                })
            })
    });
    if is_tied {
        return Vec::new();
    }
    let who = &first.identity;
    let text =
        format!("you commit as {address} and sign as {who}, and nothing ties one to the other");
    vec![Finding::warning("committer-other", text).mend(format!(
        "git config user.email {who}, or add {address} to committers in the trust file"
    ))]
}

fn repository(_: &Facts<'_>) -> Vec<Finding> {
    let Some(folder) = configured::repository() else {
        return vec![Finding::note(
            "no-repository",
            "this is no repository: only your own configuration was looked at",
        )];
    };
    match tempfile::tempfile_in(&folder) {
        Ok(_) => Vec::new(),
        Err(error) => {
            let text = format!("nothing can be written in {}: {error}", folder.display());
            vec![Finding::error("repository-unwritable", text)]
        }
    }
}

fn terminal(_: &Facts<'_>) -> Vec<Finding> {
    let has_terminal = OpenOptions::new().write(true).open("/dev/tty").is_ok();
    let has_token = env::var("SIGSTORE_ID_TOKEN").is_some() || env::var("CI").is_some();
    if has_terminal || has_token {
        return Vec::new();
    }
    vec![
        Finding::note(
            "no-terminal",
            "there is no terminal: where nobody is logged in, a commit fails and says so",
        )
        .mend("signhere agent login"),
    ]
}

/// What git may have kept to itself.
fn last_failure(_: &Facts<'_>) -> Vec<Finding> {
    let Some(failure) = failure::last() else {
        return Vec::new();
    };
    let Some(error) = failure.error.error() else {
        return Vec::new();
    };
    let (at, folder) = (failure.at, failure.folder.display());
    let text = format!(
        "the last signature, at {at} in {folder}, was not made: {} [{}]",
        error.message(),
        error.code()
    );
    let finding = Finding::note("last-failure", text);
    vec![match error.mend_or_usual() {
        Some(mend) => finding.mend(mend),
        None => finding,
    }]
}

/// An error of another part, as a finding.
fn told(code: &'static str, error: &CliError) -> Finding {
    let finding = Finding::error(code, error.message());
    match error.mend_or_usual() {
        Some(mend) => finding.mend(mend),
        None => finding,
    }
}

/// The finding with what mends it: where the entry stands that is wrong, or else for the user. What is given with `-c`
/// or in the environment stands in no file.
fn mended(finding: Finding, entry: Option<&Entry>, key: &'static str, value: &str) -> Finding {
    match entry.map(|entry| entry.scope) {
        None => finding.set(Scope::Global, key, value),
        Some(scope @ (Scope::Global | Scope::Local | Scope::Worktree)) => {
            finding.set(scope, key, value)
        }
        Some(Scope::System) => finding.set(Scope::Global, key, value),
        Some(_) => finding.mend(format!("take {key} out of the environment (GIT_CONFIG_*)")),
    }
}

fn value_of(entry: &Entry) -> &str {
    entry.value.as_deref().unwrap_or("true")
}

fn place(entry: &Entry) -> String {
    format!("the {} configuration ({})", entry.scope, entry.origin)
}

/// A path as git reads it: `~/` is the home.
fn home(named: &str) -> std::path::PathBuf {
    match (named.strip_prefix("~/"), env::var("HOME")) {
        (Some(rest), Some(home)) => Path::new(&home).join(rest),
        _ => Path::new(named).to_owned(),
    }
}

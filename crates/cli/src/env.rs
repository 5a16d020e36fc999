//! The process's environment: the one place of the program that reads it.
//!
//! Variables that are the default of a flag are read by clap (see `args.rs`).

use std::ffi::OsString;
use std::path::PathBuf;

/// The value of `name`, or `None` when it is unset, empty or not UTF-8.
pub(crate) fn var(name: &str) -> Option<String> {
    set_var(name).filter(|value| !value.is_empty())
}

/// The value of `name` even when it is empty, or `None` when it is unset or
/// not UTF-8.
pub(crate) fn set_var(name: &str) -> Option<String> {
    read(name).and_then(|value| value.into_string().ok())
}

/// How this program was called, to be called again.
pub(crate) fn program() -> String {
    std::env::args()
        .next()
        .unwrap_or_else(|| "signhere".to_owned())
}

/// Every variable whose name and value are UTF-8.
pub(crate) fn all() -> impl Iterator<Item = (String, String)> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
}

/// Every variable, whatever it holds.
pub(crate) fn all_raw() -> impl Iterator<Item = (OsString, OsString)> {
    std::env::vars_os()
}

/// The folder of the user's configuration (XDG Base Directory).
pub(crate) fn config_dir() -> Option<PathBuf> {
    base_dir("XDG_CONFIG_HOME", ".config")
}

/// The folder of what is kept for the user: trust that was updated (XDG Base Directory).
pub(crate) fn data_dir() -> Option<PathBuf> {
    base_dir("XDG_DATA_HOME", ".local/share")
}

/// The folder of what the user's programs leave behind: logs (XDG Base Directory).
pub(crate) fn state_dir() -> Option<PathBuf> {
    base_dir("XDG_STATE_HOME", ".local/state")
}

/// The folder of what ends with the user's session: sockets (XDG Base Directory). Only if it is there.
pub(crate) fn runtime_dir() -> Option<PathBuf> {
    read("XDG_RUNTIME_DIR")
        .map(PathBuf::from)
        .filter(|path| path.is_absolute() && path.is_dir())
        .map(|base| base.join("signhere"))
}

/// The file of this program.
pub(crate) fn this_program() -> std::io::Result<PathBuf> {
    std::env::current_exe()
}

/// The folder of what can be found out again (XDG Base Directory).
pub(crate) fn cache_dir() -> Option<PathBuf> {
    base_dir("XDG_CACHE_HOME", ".cache")
}

fn base_dir(variable: &str, in_home: &str) -> Option<PathBuf> {
    read(variable)
        .map(PathBuf::from)
        .filter(|path| path.is_absolute())
        .or_else(|| {
            read("HOME")
                .filter(|home| !home.is_empty())
                .map(|home| PathBuf::from(home).join(in_home))
        })
        .map(|base| base.join("signhere"))
}

#[expect(
    clippy::disallowed_methods,
    reason = "the edge that hands the environment to everything else"
)]
fn read(name: &str) -> Option<OsString> {
    std::env::var_os(name)
}

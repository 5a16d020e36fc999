//! The arguments.

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

/// What git asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// The file descriptor that takes the status lines; without one, nobody wants them.
    pub status_fd: Option<u32>,
    /// What to do.
    pub action: Action,
}

/// What to do.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Action {
    /// Sign what comes on standard input.
    Sign {
        /// The key or person that git names: a hint, for who signs is whoever logs in.
        key: Option<OsString>,
    },
    /// Verify a detached signature.
    Verify {
        /// The file that holds the signature.
        signature: PathBuf,
        /// What it is a signature over.
        content: Content,
    },
}

/// Where signed content comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Content {
    /// From standard input.
    StandardInput,
    /// From a file.
    File(PathBuf),
}

/// Why arguments that look like git's are not understood.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CallError {
    /// An option that is not known.
    #[error("unknown option {found:?}")]
    Option {
        /// The option.
        found: OsString,
    },
    /// An option lacks its value.
    #[error("{option} needs a value")]
    Value {
        /// The option.
        option: &'static str,
    },
    /// The status descriptor is no number.
    #[error("{found:?} is no file descriptor")]
    StatusFd {
        /// What was given.
        found: OsString,
    },
    /// Neither or both of signing and verifying are asked for.
    #[error("exactly one of --sign and --verify is to be given")]
    Action,
    /// A signature that holds its content is asked for, or is to be verified.
    #[error("only detached signatures are made and verified")]
    Attached,
    /// More files than are expected.
    #[error("unexpected argument {found:?}")]
    Argument {
        /// The argument.
        found: OsString,
    },
}

impl Call {
    /// Returns the call when the arguments (without the program's name) are such as git gives; `None` when they are
    /// something else's. What begins like a call of git's and is not understood is an error.
    pub fn recognise(args: &[OsString]) -> Option<Result<Self, CallError>> {
        is_gits(args).then(|| Self::parse(args))
    }

    fn parse(args: &[OsString]) -> Result<Self, CallError> {
        let mut words = Words {
            rest: args,
            files: Vec::new(),
            call: Options::default(),
        };
        words.read()?;
        let Words {
            files, call: found, ..
        } = words;
        let action = match (found.sign, found.verify) {
            (true, false) => {
                if !found.detach {
                    return Err(CallError::Attached);
                }
                match files.into_iter().find(|file| file.as_os_str() != "-") {
                    Some(found) => return Err(CallError::Argument { found }),
                    None => Action::Sign { key: found.key },
                }
            }
            (false, true) => {
                let mut files = files.into_iter();
                let (Some(signature), Some(content)) = (files.next(), files.next()) else {
                    return Err(CallError::Attached);
                };
                if let Some(found) = files.next() {
                    return Err(CallError::Argument { found });
                }
                Action::Verify {
                    signature: signature.into(),
                    content: match content.as_os_str() == "-" {
                        true => Content::StandardInput,
                        false => Content::File(content.into()),
                    },
                }
            }
            _ => return Err(CallError::Action),
        };
        Ok(Self {
            status_fd: found.status_fd,
            action,
        })
    }
}

/// Long options without a value that change nothing here: this program neither asks on standard input nor overwrites.
const INDIFFERENT: [&str; 6] = ["--armor", "--batch", "--no-tty", "--yes", "--quiet", "--no"];
/// Long options with a value that changes nothing here: the leaf is always included, and nothing else is.
const INDIFFERENT_VALUES: [&str; 2] = ["--include-certs", "--keyid-format"];

/// Whether the first word is an option that only git gives: no command line of this program's own begins so.
fn is_gits(args: &[OsString]) -> bool {
    let begins = |arg: &OsStr| {
        let Some(arg) = arg.to_str() else {
            return false;
        };
        let name = arg.split_once('=').map_or(arg, |(name, _)| name);
        match name {
            "--status-fd" | "--sign" | "--detach-sign" | "--verify" | "--armor"
            | "--local-user" => true,
            _ if INDIFFERENT_VALUES.contains(&name) => true,
            _ => {
                let letters = name.strip_prefix('-').unwrap_or_default();
                letters.starts_with(['b', 's', 'a', 'u'])
            }
        }
    };
    match args {
        // `-v` alone is this program's own flag.
        [first, rest @ ..] if first == "-v" => rest.iter().any(|arg| {
            arg.to_str()
                .is_some_and(|arg| arg.starts_with("--status-fd"))
        }),
        [first, ..] => begins(first),
        [] => false,
    }
}

#[derive(Default)]
struct Options {
    status_fd: Option<u32>,
    sign: bool,
    verify: bool,
    detach: bool,
    key: Option<OsString>,
}

struct Words<'a> {
    rest: &'a [OsString],
    files: Vec<OsString>,
    call: Options,
}

impl Words<'_> {
    fn read(&mut self) -> Result<(), CallError> {
        let mut only_files = false;
        while let Some(word) = self.next() {
            let text = word.to_str().unwrap_or_default();
            if only_files || text == "-" || !word.as_encoded_bytes().starts_with(b"-") {
                self.files.push(word);
            } else if text == "--" {
                only_files = true;
            } else if text.starts_with("--") {
                let (name, value) = match text.split_once('=') {
                    Some((name, value)) => (name, Some(OsString::from(value))),
                    None => (text, None),
                };
                self.long(name, value, &word)?;
            } else {
                self.cluster(&word)?;
            }
        }
        Ok(())
    }

    fn next(&mut self) -> Option<OsString> {
        let (first, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(first.clone())
    }

    fn value(
        &mut self,
        option: &'static str,
        attached: Option<OsString>,
    ) -> Result<OsString, CallError> {
        attached
            .or_else(|| self.next())
            .ok_or(CallError::Value { option })
    }

    fn long(&mut self, name: &str, value: Option<OsString>, word: &OsStr) -> Result<(), CallError> {
        let is_flag = value.is_none();
        match name {
            "--status-fd" => {
                let found = self.value("--status-fd", value)?;
                let number = found.to_str().and_then(|text| text.parse().ok());
                self.call.status_fd = Some(number.ok_or(CallError::StatusFd { found })?);
            }
            "--local-user" | "--default-key" => {
                self.call.key = Some(self.value("--local-user", value)?);
            }
            "--sign" if is_flag => self.call.sign = true,
            "--verify" if is_flag => self.call.verify = true,
            "--detach-sign" if is_flag => {
                self.call.detach = true;
                // As with gpg, it means --sign too.
                self.call.sign = true;
            }
            _ if is_flag && INDIFFERENT.contains(&name) => {}
            _ => match INDIFFERENT_VALUES.iter().find(|known| **known == name) {
                Some(option) => {
                    self.value(option, value)?;
                }
                None => {
                    return Err(CallError::Option {
                        found: word.to_owned(),
                    });
                }
            },
        }
        Ok(())
    }

    /// One word of short options, such as `-bsau`; what follows `u` is its value.
    fn cluster(&mut self, word: &OsStr) -> Result<(), CallError> {
        let unknown = || CallError::Option {
            found: word.to_owned(),
        };
        // A key that is no text cannot be attached; git gives it as a word of its own.
        let letters = word.to_str().ok_or_else(unknown)?;
        let mut letters = letters.strip_prefix('-').ok_or_else(unknown)?.chars();
        while let Some(letter) = letters.next() {
            match letter {
                'b' => {
                    self.call.detach = true;
                    self.call.sign = true;
                }
                's' => self.call.sign = true,
                'a' | 'q' => {}
                'v' => self.call.verify = true,
                'u' => {
                    let attached = Some(letters.as_str()).filter(|rest| !rest.is_empty());
                    self.call.key = Some(self.value("-u", attached.map(OsString::from))?);
                    return Ok(());
                }
                _ => return Err(unknown()),
            }
        }
        Ok(())
    }
}

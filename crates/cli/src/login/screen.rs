//! Where a person sees that they have to log in. git keeps standard error to itself, and an editor has no terminal.

use std::fmt::Display;
use std::fs::{File, OpenOptions};
use std::io::{self, IsTerminal as _, Write as _};
use std::process::{Command, Stdio};

use signhere_sign::identity::oidc::DevicePrompt;
use url::Url;

use crate::commands::Context;
use crate::env;
use crate::output::Output;
use crate::output::style::{BOLD, paint};
use crate::output::text::safe;

/// Where a person sees what they have to do.
#[derive(Debug)]
pub(crate) enum Screen {
    /// Standard error.
    Stderr(Output),
    /// The terminal that the process belongs to, whatever its standard streams are.
    Terminal(File),
    /// No terminal, but a desktop: the browser opens, and a notice says why.
    Desktop,
}

impl Screen {
    /// Where a person may be; none when nobody may be asked.
    pub(crate) fn find(context: &Context) -> Option<Self> {
        if context.global.no_input || context.global.json {
            return None;
        }
        if io::stderr().is_terminal() {
            return Some(Self::Stderr(context.output));
        }
        if let Ok(terminal) = OpenOptions::new().write(true).open("/dev/tty") {
            return Some(Self::Terminal(terminal));
        }
        has_display().then_some(Self::Desktop)
    }

    /// Says something to the person.
    pub(crate) fn say(&self, text: impl Display) {
        match self {
            Self::Stderr(output) => output.prompt(text),
            // Nobody can be told on a terminal that is gone: the time for the login runs out.
            Self::Terminal(terminal) => {
                if let Ok(terminal) = terminal.try_clone() {
                    let _ = writeln!(anstream::AutoStream::auto(terminal), "{text}");
                }
            }
            Self::Desktop => {}
        }
    }

    pub(super) fn show_page(&self, page: &Url) {
        self.say(format_args!("Log in here:\n\n  {}\n", paint(BOLD, page)));
        if matches!(self, Self::Desktop) {
            notify("Your browser asks you to log in.");
        }
    }

    pub(super) fn show_device(&self, prompt: &DevicePrompt) {
        let page = prompt.page_with_code.as_ref().unwrap_or(&prompt.page);
        self.say(format_args!(
            "Log in on any device:\n\n  {}\n  code {}\n",
            paint(BOLD, page),
            paint(BOLD, safe(&prompt.code)),
        ));
        if matches!(self, Self::Desktop) {
            notify(&format!(
                "Log in at {page} with the code {}",
                safe(&prompt.code)
            ));
        }
    }
}

/// Whether a browser can show something on this machine.
pub(super) fn has_display() -> bool {
    if cfg!(any(target_os = "macos", target_os = "windows")) {
        return env::var("SSH_CONNECTION").is_none();
    }
    env::var("DISPLAY").is_some() || env::var("WAYLAND_DISPLAY").is_some()
}

/// Shows a notice on the desktop. It is no error when there is nothing to show it: the time for the login runs out.
fn notify(text: &str) {
    let shown = Command::new("notify-send")
        .args([
            "--app-name=signhere",
            "--",
            "A signature waits for your login",
            text,
        ])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    drop(shown);
}

//! A pseudo terminal, at which a test types what a person would.

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::fs::OFlags;
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

/// How long a program may take to end before the test fails.
const DEADLINE: Duration = Duration::from_secs(60);

/// A pseudo terminal: what is typed, and what is shown.
pub struct Terminal {
    controller: File,
    program_side: File,
}

impl Terminal {
    pub fn open() -> Self {
        let controller = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("a terminal");
        grantpt(&controller).expect("a terminal");
        unlockpt(&controller).expect("a terminal");
        let name = ptsname(&controller, Vec::new()).expect("the name of a terminal");
        let mut options = OpenOptions::new();
        let no_control = i32::try_from(OFlags::NOCTTY.bits()).expect("a flag of open(2)");
        std::os::unix::fs::OpenOptionsExt::custom_flags(&mut options, no_control);
        let program_side = options
            .read(true)
            .write(true)
            .open(name.to_str().expect("ASCII"))
            .expect("a terminal is opened");
        Self {
            controller: File::from(controller),
            program_side,
        }
    }

    /// Returns the terminal as a standard stream of a program.
    pub fn stdio(&self) -> Stdio {
        self.program_side.try_clone().expect("a descriptor").into()
    }

    /// Types a text. `\x04` is Ctrl-D.
    pub fn type_text(&mut self, text: &str) {
        self.controller
            .write_all(text.as_bytes())
            .expect("the terminal takes what is typed");
    }

    /// Runs the command, which has this terminal as some of its streams, and waits for its end. Returns the exit code
    /// and what the terminal shows, with what was typed.
    pub fn run(self, command: &mut Command) -> (Option<i32>, String) {
        let child = command.spawn().expect("the program starts");
        // Copies of the streams would keep the terminal from reporting its end.
        command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        drop(self.program_side);
        let mut controller = self.controller;
        let screen = std::thread::spawn(move || {
            let mut shown = Vec::new();
            let mut buffer = [0; 4096];
            // Linux reports the end of a terminal as an error.
            while let Ok(length) = controller.read(&mut buffer) {
                if length == 0 {
                    break;
                }
                shown.extend_from_slice(&buffer[..length]);
            }
            String::from_utf8_lossy(&shown).into_owned()
        });
        let code = wait(child);
        (code, screen.join().expect("the terminal is read"))
    }
}

fn wait(mut child: Child) -> Option<i32> {
    let started = Instant::now();
    loop {
        if let Some(status) = child.try_wait().expect("a status") {
            return status.code();
        }
        if started.elapsed() > DEADLINE {
            child.kill().expect("the program is killed");
            child.wait().expect("the program ends");
            panic!("the program did not end");
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}

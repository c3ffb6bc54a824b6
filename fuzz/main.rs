//! Random inputs for the parsers that strangers reach. Each input is a kept one of `fuzz/corpus/` with a few changes, and
//! each target compares the program's result with an independent one.
//!
//! cargo-fuzz needs a nightly toolchain; this runs on the stable one. There is no coverage to guide it: an input that is
//! answered in a way that was not seen before joins the corpus of the run. `docs/trust.md` describes how to run it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod mutation;
mod query;
mod seed;
mod selector;
mod token;

#[path = "../tests/it/support"]
mod support {
    #[allow(dead_code, reason = "the targets use a part of it")]
    pub mod random;
}

#[path = "../tests/trust/signing.rs"]
mod signing;

use std::collections::BTreeSet;
use std::io::{Write as _, stdout};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::Parser;

use support::random::Random;

/// How many inputs the corpus of a run has at most.
const LARGEST_CORPUS: usize = 1000;

/// A parser, and how its result is judged.
trait Target {
    /// Returns the kept inputs.
    fn corpus(&self) -> Vec<Vec<u8>>;

    /// Returns words that mean something in an input.
    fn dictionary(&self) -> &'static [&'static str];

    /// Tries one input. Returns how it was answered, in words that are equal for equal answers, or what is wrong.
    fn try_input(&mut self, input: &[u8]) -> Result<Answer, String>;
}

/// How an input was answered.
struct Answer {
    is_accepted: bool,
    text: String,
}

/// The targets, by name.
const TARGETS: &[(&str, fn() -> Box<dyn Target>)] = &[
    ("query", || Box::new(query::Query::new())),
    ("selector", || Box::new(selector::Selector::new())),
    ("seed", || Box::new(seed::Seed::new())),
    ("token", || Box::new(token::Token::new())),
];

/// Tries random inputs on the parsers.
#[derive(Parser)]
#[command(name = "fuzz")]
struct Arguments {
    /// The targets: query, selector, seed, token; all of them if none is named
    targets: Vec<String>,
    /// How long each target is tried
    #[arg(long, env = "CF_PACKAGES_FUZZ_SECONDS", default_value = "600")]
    seconds: u64,
    /// The seed of the random numbers
    #[arg(long, env = "CF_PACKAGES_TEST_SEED", default_value = "20151113")]
    seed: u64,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let unknown = |name: &&String| TARGETS.iter().all(|(known, _)| known != name);
    if let Some(name) = arguments.targets.iter().find(unknown) {
        eprintln!("there is no target `{name}`; there are query, selector, seed and token");
        return ExitCode::from(2);
    }
    let (seed, seconds) = (arguments.seed, arguments.seconds);
    print(&format!(
        "repeat with --seed {seed} --seconds {seconds}\n\n\
         | target | inputs | accepted | answers that differ | failed | seconds |\n\
         | --- | ---: | ---: | ---: | ---: | ---: |"
    ));
    let mut has_failed = false;
    for (name, target) in TARGETS {
        if arguments.targets.is_empty() || arguments.targets.iter().any(|wanted| wanted == name) {
            let end = Instant::now() + Duration::from_secs(seconds);
            has_failed |= !fuzz(name, &mut *target(), Random(seed), end);
        }
    }
    if has_failed {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    }
}

/// Returns whether no input failed. Stops at the first that does, and prints it.
fn fuzz(name: &str, target: &mut dyn Target, mut random: Random, end: Instant) -> bool {
    let begin = Instant::now();
    let mut corpus = target.corpus();
    let kept = corpus.len();
    let mut answers = BTreeSet::new();
    let (mut count, mut accepted) = (0, 0);
    let mut failure = None;
    while failure.is_none() && (count < kept || Instant::now() < end) {
        let input = if count < kept {
            corpus[count].clone()
        } else {
            // Half of them are changes of a kept input: what joined the corpus is often refused.
            let known = if random.one_in(2) { kept } else { corpus.len() };
            let input = &corpus[random.below(known)];
            let by_value = random.one_in(2);
            by_value
                .then(|| mutation::mutate_json(&mut random, input, &corpus[..kept]))
                .flatten()
                .unwrap_or_else(|| {
                    mutation::mutate(&mut random, input, &corpus, target.dictionary())
                })
        };
        count += 1;
        let tried = catch_unwind(AssertUnwindSafe(|| target.try_input(&input)));
        match tried.unwrap_or_else(|_| Err("a panic; see above".into())) {
            Ok(answer) => {
                accepted += u64::from(answer.is_accepted);
                if answers.insert(answer.text) && corpus.len() < LARGEST_CORPUS {
                    corpus.push(input);
                }
            }
            Err(text) => failure = Some((input, text)),
        }
    }
    print(&format!(
        "| {name} | {count} | {accepted} | {} | {} | {:.1} |",
        answers.len(),
        u64::from(failure.is_some()),
        begin.elapsed().as_secs_f64()
    ));
    if let Some((input, text)) = &failure {
        print(&format!(
            "\ninput {count} of {name}: \"{}\"\n{text}\n",
            input.escape_ascii()
        ));
    }
    // A target whose every input is refused, or accepted, tests half of what it should.
    let is_telling = accepted > 0 && accepted < count as u64;
    if failure.is_none() && !is_telling {
        print(&format!(
            "\n{name}: {accepted} of {count} inputs were accepted\n"
        ));
    }
    failure.is_none() && is_telling
}

/// Returns the lines of a corpus.
fn lines(text: &str) -> Vec<Vec<u8>> {
    text.lines().map(|line| line.as_bytes().to_vec()).collect()
}

/// Returns the begin and the end of a text without what is quoted, so that it is equal for answers of one kind.
fn kind_of(text: &str) -> String {
    let is_quote = |letter: char| ['\'', '`', '"'].contains(&letter);
    let begin = text.split(is_quote).next().unwrap_or_default();
    let end = text.rsplit(is_quote).next().unwrap_or_default();
    let letters = |letter: &char| !letter.is_ascii_digit();
    begin.chars().chain(end.chars()).filter(letters).collect()
}

fn print(text: &str) {
    writeln!(stdout(), "{text}").expect("stdout is open");
}

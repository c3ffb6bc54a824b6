//! A queue of reads from which callers are served in turn, so that the reads of one caller delay those of others by one
//! read at most.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::caller::CallerKey;

/// A queue of reads. Threads serve it with [`TurnQueue::serve`] until it is closed and empty.
pub(super) struct TurnQueue<J> {
    limits: TurnLimits,
    state: Mutex<State<J>>,
    /// Signals that a read was added, or that the queue was closed.
    changed: Condvar,
    waiting: AtomicUsize,
}

/// The limits of a queue.
#[derive(Clone, Copy, Debug)]
pub(super) struct TurnLimits {
    /// How many reads of one caller may run at the same time.
    pub running: usize,
    /// How many reads may wait.
    pub waiting: usize,
    /// How long a read may wait. It is refused then, or by the first thread that has time.
    pub patience: Duration,
}

impl TurnLimits {
    /// For reads that are short.
    pub const NONE: Self = Self {
        running: usize::MAX,
        waiting: usize::MAX,
        patience: Duration::MAX,
    };
}

const HAS_LINE: &str = "a caller who has a turn has a line";
const HAS_READ: &str = "a line that is empty is removed";

/// What a thread does with a read of the queue.
pub(super) enum Turn<J> {
    /// Runs it.
    Run(CallerKey, J),
    /// Refuses it: it has waited too long.
    Refuse(J),
}

struct State<J> {
    /// The reads of each caller that has any, oldest first.
    lines: HashMap<CallerKey, VecDeque<Waiting<J>>>,
    /// The callers that have reads, in the order of their turns.
    turns: VecDeque<CallerKey>,
    /// How many reads of each caller run.
    running: HashMap<CallerKey, usize>,
    is_closed: bool,
}

struct Waiting<J> {
    job: J,
    since: Instant,
}

impl<J> fmt::Debug for TurnQueue<J> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("TurnQueue");
        shown
            .field("waiting", &self.waiting())
            .finish_non_exhaustive()
    }
}

impl<J> TurnQueue<J> {
    /// Returns an empty queue.
    pub fn new(limits: TurnLimits) -> Self {
        Self {
            limits,
            state: Mutex::new(State {
                lines: HashMap::new(),
                turns: VecDeque::new(),
                running: HashMap::new(),
                is_closed: false,
            }),
            changed: Condvar::new(),
            waiting: AtomicUsize::new(0),
        }
    }

    /// Adds a read of `caller`.
    ///
    /// # Errors
    ///
    /// Fails with a read that has to be refused: this one if the queue is closed, or if it is full of reads of callers who
    /// have fewer than this one. If the queue is full, the caller who has most reads loses the last one.
    pub fn add(&self, caller: CallerKey, job: J) -> Result<(), J> {
        let mut state = self.state();
        if state.is_closed {
            return Err(job);
        }
        let line = state.lines.entry(caller).or_default();
        let is_first = line.is_empty();
        line.push_back(Waiting {
            job,
            since: Instant::now(),
        });
        if is_first {
            state.turns.push_back(caller);
        }
        let is_full = self.waiting.load(Ordering::Relaxed) >= self.limits.waiting;
        let added = if is_full {
            Err(state.remove_last_of_longest())
        } else {
            self.waiting.fetch_add(1, Ordering::Relaxed);
            Ok(())
        };
        drop(state);
        self.changed.notify_one();
        added
    }

    /// Calls `run` with one read after the other, until the queue is closed and empty.
    pub fn serve(&self, mut run: impl FnMut(Turn<J>)) {
        let mut ended = None;
        while let Some(turn) = self.next(ended) {
            ended = match &turn {
                Turn::Run(caller, _) => Some(*caller),
                Turn::Refuse(_) => None,
            };
            run(turn);
        }
    }

    /// Returns how many reads wait.
    pub fn waiting(&self) -> usize {
        self.waiting.load(Ordering::Relaxed)
    }

    /// Lets the threads end once they have run what waits.
    pub fn close(&self) {
        self.state().is_closed = true;
        self.changed.notify_all();
    }

    /// Waits for a read whose turn it is, after a read of `ended` has ended. Returns `None` if the queue is closed and this
    /// thread is not needed any more: reads that wait until others of their caller end are left to the threads of those.
    fn next(&self, ended: Option<CallerKey>) -> Option<Turn<J>> {
        let mut state = self.state();
        if let Some(caller) = ended {
            state.end(caller);
        }
        loop {
            if let Some(turn) = state.take(&self.limits) {
                self.waiting.fetch_sub(1, Ordering::Relaxed);
                return Some(turn);
            }
            if state.is_closed {
                return None;
            }
            let patience = state.patience_of_first(self.limits.patience);
            let woken = self.changed.wait_timeout(state, patience);
            (state, _) = woken.unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn state(&self) -> MutexGuard<'_, State<J>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<J> State<J> {
    /// Takes a read that has waited too long, or else the next one that may run.
    fn take(&mut self, limits: &TurnLimits) -> Option<Turn<J>> {
        if limits.patience < Duration::MAX
            && let Some(turn) = self.turn_of(|caller| self.has_waited(caller, limits.patience))
        {
            return Some(Turn::Refuse(self.remove_first(turn)));
        }
        let turn = self.turn_of(|caller| self.running_of(caller) < limits.running)?;
        let caller = self.turns[turn];
        let job = self.remove_first(turn);
        *self.running.entry(caller).or_default() += 1;
        Some(Turn::Run(caller, job))
    }

    /// Returns the place in `turns` of the first caller who `may` have it.
    fn turn_of(&self, may: impl Fn(CallerKey) -> bool) -> Option<usize> {
        self.turns.iter().position(|caller| may(*caller))
    }

    fn has_waited(&self, caller: CallerKey, patience: Duration) -> bool {
        let first = self.lines.get(&caller).and_then(VecDeque::front);
        first.is_some_and(|first| first.since.elapsed() >= patience)
    }

    /// Returns how long the oldest read may still wait; the longest time if none waits.
    fn patience_of_first(&self, patience: Duration) -> Duration {
        let first = self.lines.values().filter_map(VecDeque::front);
        let waited = first.map(|first| first.since.elapsed()).max();
        waited.map_or(Duration::MAX, |waited| patience.saturating_sub(waited))
    }

    fn running_of(&self, caller: CallerKey) -> usize {
        self.running.get(&caller).copied().unwrap_or_default()
    }

    /// Removes the oldest read of the caller with that turn, whose next one comes after those of all others.
    fn remove_first(&mut self, turn: usize) -> J {
        let caller = self.turns.remove(turn).expect("the turn is in the list");
        let line = self.lines.get_mut(&caller).expect(HAS_LINE);
        let first = line.pop_front().expect(HAS_READ);
        if line.is_empty() {
            self.lines.remove(&caller);
        } else {
            self.turns.push_back(caller);
        }
        first.job
    }

    /// Removes the youngest read of the caller who has most.
    fn remove_last_of_longest(&mut self) -> J {
        let by_length = self.turns.iter().copied().enumerate();
        let longest = by_length.max_by_key(|(_, caller)| self.lines[caller].len());
        let (turn, caller) = longest.expect("the queue is full");
        let line = self.lines.get_mut(&caller).expect(HAS_LINE);
        let last = line.pop_back().expect(HAS_READ);
        if line.is_empty() {
            self.lines.remove(&caller);
            self.turns.remove(turn);
        }
        last.job
    }

    /// Records that a read of `caller` has ended.
    fn end(&mut self, caller: CallerKey) {
        if let Some(running) = self.running.get_mut(&caller) {
            *running -= 1;
            if *running == 0 {
                self.running.remove(&caller);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;
    use std::thread;

    use super::*;

    const ALICE: CallerKey = CallerKey::SERVER;

    fn bob() -> CallerKey {
        CallerKey::of_user("bob")
    }

    fn queue(limits: TurnLimits, reads: &[(CallerKey, &'static str)]) -> TurnQueue<&'static str> {
        let queue = TurnQueue::new(limits);
        for (caller, read) in reads {
            queue.add(*caller, *read).expect("the queue has room");
        }
        queue
    }

    /// Runs what waits, and returns it in that order; refused reads in parentheses.
    fn run(queue: &TurnQueue<&'static str>) -> Vec<String> {
        let mut order = Vec::new();
        queue.close();
        queue.serve(|turn| {
            order.push(match turn {
                Turn::Run(_, read) => read.to_owned(),
                Turn::Refuse(read) => format!("({read})"),
            });
        });
        order
    }

    #[test]
    fn callers_are_served_in_turn() {
        let reads = [
            (ALICE, "a1"),
            (ALICE, "a2"),
            (ALICE, "a3"),
            (bob(), "b1"),
            (bob(), "b2"),
        ];
        let queue = queue(TurnLimits::NONE, &reads);
        assert_eq!(queue.waiting(), 5);
        assert_eq!(run(&queue), ["a1", "b1", "a2", "b2", "a3"]);
        assert_eq!(queue.waiting(), 0);
    }

    #[test]
    fn caller_with_most_reads_loses_the_last_one_when_the_queue_is_full() {
        let limits = TurnLimits {
            waiting: 3,
            ..TurnLimits::NONE
        };
        let queue = queue(limits, &[(ALICE, "a1"), (ALICE, "a2"), (bob(), "b1")]);
        assert_eq!(queue.add(bob(), "b2"), Err("b2"));
        assert_eq!(queue.add(CallerKey::of_user("carol"), "c1"), Err("a2"));
        assert_eq!(queue.waiting(), 3);
        assert_eq!(run(&queue), ["a1", "b1", "c1"]);
    }

    #[test]
    fn read_that_has_waited_too_long_is_refused() {
        let limits = TurnLimits {
            patience: Duration::ZERO,
            ..TurnLimits::NONE
        };
        let queue = queue(limits, &[(ALICE, "a1"), (bob(), "b1")]);
        assert_eq!(run(&queue), ["(a1)", "(b1)"]);
    }

    #[test]
    fn reads_of_a_caller_wait_for_their_own_while_those_of_others_run() {
        let limits = TurnLimits {
            running: 1,
            ..TurnLimits::NONE
        };
        let queue = queue(limits, &[(ALICE, "a1"), (ALICE, "a2"), (bob(), "b1")]);
        let mut order = Vec::new();
        let mut next = |ended| match queue.next(ended) {
            Some(Turn::Run(caller, read)) => {
                order.push(read);
                Some(caller)
            }
            _ => None,
        };
        let first = next(None);
        let second = next(None);
        queue.close();
        // The thread of bob's read has nothing to run: the other one goes on with `a2`.
        assert_eq!(next(second), None);
        assert_eq!(next(first), Some(ALICE));
        assert_eq!(order, ["a1", "b1", "a2"]);
    }

    #[test]
    fn read_that_takes_the_place_of_another_in_a_full_queue_runs_at_once() {
        let limits = TurnLimits {
            running: 1,
            waiting: 2,
            ..TurnLimits::NONE
        };
        let queue = queue(limits, &[]);
        let (ran, order) = channel();
        let (end, ended) = channel();
        let ended = Mutex::new(ended);
        let run = || {
            queue.serve(|turn| {
                if let Turn::Run(caller, read) = turn {
                    ran.send(read).expect("the test waits");
                    if caller == ALICE {
                        let ended = ended.lock().expect("not poisoned");
                        ended.recv().expect("the test ends the read");
                    }
                }
            });
        };
        thread::scope(|scope| {
            scope.spawn(run);
            scope.spawn(run);
            queue.add(ALICE, "a1").expect("the queue has room");
            assert_eq!(order.recv(), Ok("a1"));
            queue.add(ALICE, "a2").expect("the queue has room");
            queue.add(ALICE, "a3").expect("the queue has room");
            assert_eq!(queue.add(bob(), "b1"), Err("a3"));
            assert_eq!(order.recv(), Ok("b1"));
            end.send(()).expect("`a1` waits");
            end.send(()).expect("`a2` waits");
            queue.close();
        });
    }

    #[test]
    fn closed_queue_takes_no_read() {
        let queue = queue(TurnLimits::NONE, &[]);
        queue.close();
        assert_eq!(queue.add(ALICE, "a1"), Err("a1"));
    }
}

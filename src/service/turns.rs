//! Pauses between the steps in which large uploads are stored, so that other processes can write to the database.

use std::time::Duration;

use tokio::sync::{Mutex, Semaphore};
use tokio::time::{Instant, sleep};

/// How long steps follow each other without a pause.
const TURN: Duration = Duration::from_secs(1);
/// How long a pause is. Another process that waits to write tries again every 100 ms
/// (<https://sqlite.org/c3ref/busy_timeout.html>), and would not find the moment between two steps.
const PAUSE: Duration = Duration::from_millis(120);

/// The steps of all uploads of this process.
#[derive(Debug)]
pub struct Turns(Mutex<Times>);

#[derive(Debug)]
struct Times {
    /// When the last pause ended.
    begun: Instant,
    /// When the last step ended.
    ended: Instant,
}

impl Default for Turns {
    fn default() -> Self {
        let now = Instant::now();
        Self(Mutex::new(Times {
            begun: now,
            ended: now,
        }))
    }
}

impl Turns {
    /// Must be called before each step. Waits if there was no pause for a while; then nothing else in this process writes
    /// either. `writes` is the permit to write.
    pub async fn before_step(&self, writes: &Semaphore) {
        let mut times = self.0.lock().await;
        if times.ended.elapsed() >= PAUSE {
            times.begun = Instant::now();
        } else if times.begun.elapsed() >= TURN {
            let _permit = writes.acquire().await;
            sleep(PAUSE).await;
            times.begun = Instant::now();
        }
    }

    /// Must be called after each step.
    pub async fn after_step(&self) {
        self.0.lock().await.ended = Instant::now();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn steps_without_a_gap_are_paused_after_a_while() {
        let (turns, writes) = (Turns::default(), Semaphore::new(1));
        let before = Instant::now() - TURN;
        turns.0.lock().await.begun = before;
        turns.after_step().await;
        turns.before_step(&writes).await;
        // A new turn has begun after the pause, and others may write again.
        assert!(turns.0.lock().await.begun >= before + TURN + PAUSE);
        assert_eq!(writes.available_permits(), 1);
    }

    #[tokio::test]
    async fn step_after_a_gap_is_not_paused() {
        let (turns, writes) = (Turns::default(), Semaphore::new(1));
        // Nobody gets the permit: a pause would never end.
        let _permit = writes.acquire().await;
        turns.0.lock().await.begun -= 2 * TURN;
        turns.0.lock().await.ended -= 2 * PAUSE;
        turns.before_step(&writes).await;
    }
}

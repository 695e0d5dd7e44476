//! The steps of a run and their times, so that a change that slows runs is noticed at once.

use std::fmt::Write as _;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Steps of a run, of all threads.
pub(crate) struct Steps {
    began: Instant,
    done: Mutex<Vec<Step>>,
}

struct Step {
    name: String,
    began: Duration,
    took: Duration,
    beside: bool,
}

impl Steps {
    pub(crate) fn new() -> Self {
        Self {
            began: Instant::now(),
            done: Mutex::default(),
        }
    }

    /// Runs a step, and records its time.
    pub(crate) fn time<T>(&self, name: &str, work: impl FnOnce() -> T) -> T {
        let began = self.began.elapsed();
        let result = work();
        let step = Step {
            name: name.to_owned(),
            began,
            took: self.began.elapsed().saturating_sub(began),
            beside: crate::shell::is_beside(),
        };
        self.done.lock().unwrap_or_else(PoisonError::into_inner).push(step);
        result
    }

    /// A line for each step in the order in which they began, then the total.
    pub(crate) fn table(&self) -> String {
        let mut done = self.done.lock().unwrap_or_else(PoisonError::into_inner);
        done.sort_by_key(|step| step.began);
        let mut table = String::from("\nseconds  from  step\n");
        for step in done.iter() {
            let beside = if step.beside { "  (beside the others)" } else { "" };
            let (took, began) = (step.took.as_secs_f64(), step.began.as_secs());
            let _ = writeln!(table, "{took:7.1} {began:5}  {}{beside}", step.name);
        }
        let _ = writeln!(table, "{:7.1}     0  the whole run", self.began.elapsed().as_secs_f64());
        table
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_step_has_its_line_in_the_order_of_beginning() {
        let steps = Steps::new();
        steps.time("outer", || {
            std::thread::sleep(Duration::from_millis(2));
            steps.time("inner", || ());
        });
        let table = steps.table();
        let names: Vec<_> = table
            .lines()
            .skip(2)
            .map(|line| line.split("  ").last().unwrap())
            .collect();
        assert_eq!(names, ["outer", "inner", "the whole run"], "{table}");
    }
}

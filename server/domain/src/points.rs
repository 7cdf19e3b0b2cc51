//! Named points at which a process may die: each lies between two things of which one is durable
//! already and the other is not yet.
//!
//! The crates that move money, messages and balances say when they reach one. `clearbill serve`
//! listens to none of them. The demo does, for its script of faults (`/sandbox/faults`), and ends the
//! process there as `kill -9` would; the crash test goes through all of them and starts it again.

use std::{fmt, str::FromStr, sync::Arc};

/// The text is not the name of a point.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a point at which a process can be ended")]
pub struct UnknownPoint;

macro_rules! points {
    ($($(#[$doc:meta])* $name:ident = $code:literal,)*) => {
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Point { $($(#[$doc])* $name,)* }

        impl Point {
            /// In the order in which an import, a reminder and a payment pass them.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The name in the script.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $code,)* }
            }
        }

        impl FromStr for Point {
            type Err = UnknownPoint;
            fn from_str(text: &str) -> Result<Self, UnknownPoint> {
                match text { $($code => Ok(Self::$name),)* _ => Err(UnknownPoint) }
            }
        }
    };
}

points! {
    /// A part of the file is staged, the rest is not.
    ImportStaged = "import.staged",
    /// It is compared with the book and may be applied; nothing is.
    ImportCompared = "import.compared",
    /// A part is applied, the rest is not.
    ImportApplied = "import.applied",
    /// All is applied; what was staged still lies there.
    ImportFinished = "import.finished",
    /// A reminder is marked as being sent; the provider has not heard of it.
    ReminderSending = "reminder.sending",
    /// The provider has it; we have not written that down.
    ReminderHanded = "reminder.handed",
    /// The attempt is written; the processor has not heard of it.
    IntentWritten = "intent.written",
    /// The processor made the intent or the page; we have not written down what it is called.
    IntentCreated = "intent.created",
    /// Its name is written; the payer has not got it.
    IntentKnown = "intent.known",
    /// The processor has cancelled what was declined or given up; the attempt is still open here.
    IntentCancelled = "intent.cancelled",
    /// The card is charged and the processor tells us; nothing of it is written.
    WebhookArrived = "webhook.arrived",
    /// The event is in the inbox; the processor has no answer yet.
    WebhookStored = "webhook.stored",
    /// A worker has taken the event and done nothing.
    WebhookClaimed = "webhook.claimed",
    /// The paid intent is fetched; it is not booked.
    PaymentFetched = "payment.fetched",
    /// It is booked; nobody has begun the receipt.
    PaymentBooked = "payment.booked",
    /// The receipt's messages are written; none is on its way.
    ReceiptWritten = "receipt.written",
    /// A receipt is marked as being sent; the provider has not heard of it.
    ReceiptSending = "receipt.sending",
    /// The provider has it; we have not written that down.
    ReceiptHanded = "receipt.handed",
}

impl fmt::Display for Point {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Who wants to know when a point is reached; nobody, unless told otherwise.
#[derive(Clone, Default)]
pub struct Points(Option<Arc<dyn Fn(Point) + Send + Sync>>);

impl Points {
    pub fn told_to(listener: impl Fn(Point) + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(listener)))
    }

    /// May not return.
    pub fn reach(&self, point: Point) {
        if let Some(listener) = &self.0 {
            listener(point);
        }
    }
}

impl fmt::Debug for Points {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "Points(listened to)" } else { "Points" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_names_each_point_and_nothing_else() {
        for point in Point::ALL {
            assert_eq!(point.as_str().parse(), Ok(*point));
        }
        assert_eq!("intent".parse::<Point>(), Err(UnknownPoint));
        Points::default().reach(Point::IntentWritten);
    }
}

"""Why an order was not filled, or late, in the words of tables and sentences."""

SUSPENDED = "no price"
NO_OPEN = "no open"
PRICES_ENDED = "prices ended"
RUN_ENDED = "run ended before the market's next session"
REPLACED = "a newer decision was due first"
NOT_WORTH_IT = "worth less than its costs"
TOO_SMALL = "less than the least order"

"""The comparison of a pair on an engine elsewhere: Spark, Trino, Snowflake, BigQuery; findings are those of here."""

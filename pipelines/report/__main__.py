"""report: artifacts of every recipe -> reports/index.html."""

from pipelines.report.page import report
from pipelines.stage import run_stage

if __name__ == "__main__":
    run_stage("report", report)

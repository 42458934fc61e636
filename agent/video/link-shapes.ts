import { ShapeCheck } from '../contract/shape.ts';
import type { AgentToVideo, VideoToAgent } from '../contract/video-link.ts';
import { AGENT_TO_VIDEO, VIDEO_TO_AGENT } from '../contract/video-link-shapes.ts';

/** What the agent says on the link, and what the video process does. */
export const agentSays = new ShapeCheck<AgentToVideo>(AGENT_TO_VIDEO);
export const videoSays = new ShapeCheck<VideoToAgent>(VIDEO_TO_AGENT);
